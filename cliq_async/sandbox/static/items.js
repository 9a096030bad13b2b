// The items of a chat, as people see them. All texts become text nodes, never HTML.

const LINK = /^(https?:\/\/|tel:|sms:|sip:)/i;
const MARKS =
  /(?<!\w)(?:\*([^*\n]{1,500})\*|_([^_\n]{1,500})_|~([^~\n]{1,500})~|`([^`\n]{1,500})`)(?!\w)|\[([^[\]\n]{1,200})\]\((https?:\/\/[^\s()]{1,2000})\)/g;
const TAGS = ["strong", "em", "s", "code"];
const TYPES = ["date", "datetime-local", "email", "number", "password", "time", "url"];
const STYLES = { "": "plain", "+": "positive", "-": "negative" };
let inputCount = 0;

/** Make an element with properties and children; children that are empty are left out. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(Boolean));
  return element;
}

/** Copy a template of the page. Returns the element, and a function that finds its parts. */
export function copy(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  return [element, (selector) => element.querySelector(selector)];
}

/** Draw an item of a chat; `acts` tells its sender's name, presses a button and submits a form. */
export function draw(item, acts) {
  const [element, part] = copy("item-template");
  element.dataset.sender = [item.from === "person" ? item.user : item.bot, item.body.bot?.name];
  if (item.message_id) element.dataset.messageId = item.message_id;
  if (item.at) element.title = new Date(item.at).toLocaleTimeString();
  element.className = `${item.from} ${item.kind}`;
  part(".who").textContent = item.body.bot?.name ?? acts.name(item);
  part(".bubble").append(...(KINDS[item.kind] ?? other)(item, acts).filter(Boolean));
  return element;
}

const KINDS = {
  text: ({ body }) => [text(body.text)],
  press: ({ body }) => [text(body.text)],
  message: (item, acts) => message(item, item.body, acts),
  question: (item, acts) => [text(item.body.text), suggestions(item, acts)],
  banner: ({ body }) => [make("p", { className: body.status ?? "success", dir: "auto" }, body.text)],
  form: ({ body }, acts) => [form(body, acts)],
  edit: () => [note("edited its message")],
  preview: ({ body }) => [note("opens a preview of"), link(body.url)],
  form_error: ({ body }) => [make("p", { className: "failure", dir: "auto" }, body.text), pairs(Object.entries(body.inputs ?? {}))],
  call: ({ body }) => [note(`voice call: ${body.operation}`)],
};

const other = ({ kind, body }) => [note(kind.replaceAll("_", " ")), code(body)];
const note = (content) => make("span", { className: "note" }, content);
const title = (content, tag = "h3") => content && make(tag, { dir: "auto" }, content);
const list = (entries, className = "") => make("ul", { className }, ...entries.map((each) => make("li", { dir: "auto" }, each)));
const link = (url, label = url) => (LINK.test(url)
  ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label) : make("span", {}, label));
const pairs = (entries) => make("dl", {}, ...entries.map((pair) =>
  make("div", {}, ...pair.map((each, index) => make(index ? "dd" : "dt", { dir: "auto" }, each instanceof Node ? each : String(each))))));

/** Draw a value as it was sent: a text, or anything else as JSON. */
export const code = (value) =>
  make("pre", { tabIndex: 0 }, typeof value === "string" ? value : JSON.stringify(value, null, 2));

function message(item, body, acts) {
  return [
    body.styles?.background && make("span", { className: `highlight ${body.styles.background}` }),
    body.view && note(`view: ${body.view}`),
    body.text && text(body.text, body.styles?.markdown !== false),
    body.card && card(body.card),
    ...(body.slides ?? []).map((each) => make("section", {}, title(each.title),
      (SLIDES[each.type] ?? code)(each.data), buttons(each.buttons ?? [], item, acts))),
    buttons([...(body.buttons ?? []), ...Object.values(body.references ?? {}).map((each) => each.object)], item, acts),
    suggestions(item, acts),
    item.edited && note("edited"),
  ];
}

function text(content, isMarked = false) {
  const element = make("p", { className: "text", dir: "auto" });
  let end = 0;
  for (const match of isMarked ? content.matchAll(MARKS) : []) {
    const tag = TAGS.findIndex((_, index) => match[index + 1] !== undefined);
    element.append(content.slice(end, match.index), tag < 0 ? link(match[6], match[5]) : make(TAGS[tag], {}, match[tag + 1]));
    end = match.index + match[0].length;
  }
  element.append(content.slice(end));
  return element;
}

function card({ title: heading, thumbnail, options, sections = [] }) {
  return make("section", {}, title(heading), thumbnail && link(thumbnail, "thumbnail"),
    options && list(options.map((each) => each.text), "poll"),
    ...sections.flatMap((each) => [title(each.title, "h4"),
      pairs((each.fields ?? []).map((field) => [field.title ?? "", field.value ?? ""]))]));
}

const SLIDES = {
  table, graph, text: (data) => text(data), list: (data) => list(data),
  label: (data) => pairs(data.flatMap((each) =>
    ("label" in each || "value" in each ? [[each.label ?? "", each.value ?? ""]] : Object.entries(each)))),
  images: (data) => list(data.map((each) => link(each))),
  image: (data) => SLIDES.images(data),
  percentage_chart: (data) => graph([{ values: data }]),
};

function graph(data) {
  const max = Math.max(...data.flatMap(({ values }) => values.map(({ value }) => value)), 1);
  const bar = ({ label, value }) => [label, make("span", {}, String(value), make("meter", { max, value, ariaLabel: label }))];
  return make("div", {}, ...data.flatMap(({ category, values }) => [title(category, "h4"), pairs(values.map(bar))]));
}

function table({ headers, rows }) {
  const line = (tag, cells) => make("tr", {}, ...cells.map((each) => make(tag, { dir: "auto" }, String(each ?? ""))));
  return make("div", { className: "wide", tabIndex: 0, role: "group", ariaLabel: "Table" }, make("table", {},
    make("thead", {}, line("th", headers)),
    make("tbody", {}, ...rows.map((row) => line("td", headers.map((each) => row[each]))))));
}

function buttons(all, item, acts) {
  return all.length && make("p", { className: "buttons" }, ...all.map(({ label, type = "", hint = "", action }) => {
    const url = action?.data.web ?? action?.data.url ?? "";
    const element = LINK.test(url) ? link(url, label)
      : make("button", { type: "button", onclick: () => acts.press(item, { label, action }) }, label);
    return Object.assign(element, { className: `button ${STYLES[type]}`, title: hint });
  }));
}

const suggestions = (item, acts) =>
  buttons((item.body.suggestions?.list ?? []).map((each) => ({ label: each.text })), item, acts);

function form(body, acts) {
  const fields = body.inputs.map(field);
  const onsubmit = (event) => {
    event.preventDefault();
    acts.submit(body, Object.fromEntries(fields.map(([, read], index) => [body.inputs[index].name, read()])));
  };
  return make("form", { autocomplete: "off", onsubmit }, title(body.title), body.hint && note(body.hint),
    ...fields.map(([element]) => element), make("button", { className: "primary" }, body.button_label ?? "Submit"));
}

/** Draw an input of a form. Returns the element, and a function that reads its value as Cliq sends it. */
function field({ type, name, label = name, hint, format, value = "", placeholder = "", mandatory, multiple, options }) {
  const id = `input-${(inputCount += 1)}`, required = mandatory === true;
  const choices = (Array.isArray(options) ? options : []).filter((each) => each?.label);
  if (choices.length) {
    const isMany = type === "checkbox" || multiple === true;
    const box = isMany ? { type: "checkbox" } : { type: "radio", name: id, required };
    const boxes = choices.map(() => make("input", box));
    const chosen = () => choices.filter((_, index) => boxes[index].checked);
    const labels = boxes.map((each, index) => make("label", {}, each, choices[index].label));
    return [make("fieldset", {}, make("legend", {}, label), ...labels), () => (isMany ? chosen() : (chosen()[0] ?? ""))];
  }
  const isToggle = type === "checkbox" || type === "toggle";
  const known = TYPES.find((each) => each === type || each === `${type}-local` || each === format) ?? "text";
  const control = type === "textarea" ? make("textarea", { id, required, placeholder, value })
    : isToggle ? make("input", { id, type: "checkbox", checked: value === true })
    : make("input", { id, required, placeholder, type: known, value });
  const element = make("div", { className: "field" }, make("label", { htmlFor: id }, label), control, hint && note(hint));
  return [element, () => (isToggle ? control.checked : control.value)];
}
