"""Everything that commands print: lines, tables, progress, reports."""
