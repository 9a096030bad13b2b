// The page of a sandbox: it shows what the stream of events tells, and does what a person does.

import { code, copy, draw, make } from "./items.js";
const SHOWN = 100, RETRY_MS = 1000, STEP_S = 5;
const at = (id) => document.getElementById(id);
const count = (value, one) => `${value.toLocaleString("en-US")} ${value === 1 ? one : `${one}s`}`;
const button = (label, onclick, className = "") => make("button", { type: "button", onclick, className }, label);
const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const names = new Map();
let bots = [], channels = [], people = [], quota = { gauges: [] }, stream = null;
let place = {}; // the bot or the channel, and the user

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`/sandbox/${path}`, body && { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/** Act as the person. If no event follows, or no valid answer, say why. Returns false on an error. */
async function act(path, body = {}) {
  say("");
  try {
    const { deliveries, items } = await ask(path, body);
    say(deliveries.map(({ bot, error, skipped }) =>
      error ? `${bot}: ${error}` : skipped && !items.length ? `No event for ${bot}: ${skipped}.` : "").join(" "));
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

const actHere = (path, body) => act(path, { bot: place.bot, user: place.user, ...body });
const say = (text) => at("notice").replaceChildren(text);
const showConnection = (isLive) => at("connection").replaceChildren(isLive ? "live" : "waiting for the sandbox …");

/** Open the stream of the chat. The browser resumes it when the connection breaks. */
function listen() {
  stream?.close();
  const own = stream = new EventSource(`/sandbox/events?${new URLSearchParams(place)}`);
  for (const kind in takers) own.addEventListener(kind, ({ data }) => takers[kind](JSON.parse(data)));
  own.onopen = () => showConnection(true);
  own.onerror = () => {
    showConnection(false);
    if (own.readyState !== EventSource.CLOSED) return;
    // The browser does not try again after a refusal: the bot or the person is gone.
    history.replaceState(null, "", "/");
    setTimeout(() => own === stream && start(), RETRY_MS);
  };
}

const takers = {
  snapshot(all) {
    at("chat").replaceChildren();
    at("deliveries").replaceChildren();
    takers.bots(all);
    if (all.chat) takers.chat(all.chat);
    takers.chat_state(all.chat ?? {});
    for (const kind of ["deliveries", "quota", "counts"]) takers[kind](all[kind]);
  },
  bots(all) {
    ({ bots, channels } = all);
    for (const bot of bots) names.set(bot.unique_name, bot.name);
    drawPlaces();
  },
  chat({ items, missed }) {
    const chat = at("chat");
    const follows = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 80;
    if (missed) chat.append(make("p", { className: "note" }, `not shown: ${count(missed, "earlier item")}`));
    for (const item of items) {
      const element = draw(item, acts), { message_id: id } = item.body;
      if (item.kind === "edit") {
        const edited = { ...item, id, message_id: id, kind: "message", edited: true };
        chat.querySelector(`[data-message-id="${CSS.escape(id)}"]`)?.replaceWith(draw(edited, acts));
      }
      element.classList.toggle("same", chat.lastElementChild?.dataset.sender === element.dataset.sender);
      chat.append(element);
    }
    while (chat.children.length > SHOWN) chat.firstElementChild.remove();
    if (follows) chat.scrollTop = chat.scrollHeight;
  },
  chat_state({ question, call }) {
    at("text").placeholder = question ? `Answer: ${question.text}`
      : place.channel ? "Write here; begin with @ and a bot's unique name to mention it" : "Write a message";
    at("call").hidden = !call;
    at("call").replaceChildren(...(call ? [`${names.get(place.bot)} calls: ${call.text}`,
      button("Answer", () => actHere("answer"), "primary"),
      button("Decline", () => actHere("answer", { decline: true }))] : []));
  },
  deliveries(news) {
    const all = at("deliveries");
    for (const delivery of news) {
      if (delivery.id > (all.firstElementChild?.value ?? 0)) all.prepend(addDelivery(delivery.id));
      if (at(`delivery-${delivery.id}`)) drawDelivery(delivery); // else it is an old one, not shown any more
    }
    while (all.children.length > SHOWN) all.lastElementChild.remove();
  },
  quota: (news) => drawQuota(quota = { ...news, came: performance.now() }),
  counts: ({ messages, calls, deliveries }) => at("counts").replaceChildren(
    [count(messages, "message"), count(calls, "call"), count(deliveries, "event")].join(" · ")),
};

// Bots, channels and people.
/** Show a chat as the same person as before, or as the first one of those who are found. */
async function show(to) {
  const query = new URLSearchParams({ ...(to.bot && { bot: to.bot }), search: at("search").value });
  ({ people } = await ask(`people?${query}`));
  for (const person of people) names.set(person.id, person.name);
  const same = people.find((each) => each.id === place.user && (each.subscribes || !to.bot));
  const user = to.user ?? (same ?? people[0])?.id ?? place.user;
  place = { ...to, ...(user && { user }) };
  history.replaceState(null, "", `#${new URLSearchParams(place)}`);
  drawPlaces();
  listen();
  say(people.length ? "" : "Nobody was found.");
}

/** Fill a list, and leave the focus at its place. */
function fill(id, children) {
  const index = [...at(id).children].findIndex((each) => each.contains(document.activeElement));
  at(id).replaceChildren(...children);
  at(id).children[index]?.querySelector("button").focus();
}

function drawPlaces() {
  const item = (to, name, about) => {
    const element = button(name, () => show(to));
    element.append(make("small", {}, about));
    if (to.bot === place.bot && to.channel === place.channel) element.ariaCurrent = "true";
    return make("li", {}, element);
  };
  fill("bots", bots.map(({ unique_name: bot, name, execution_type: type, subscriber_count: subscribers }) =>
    item({ bot }, name, `${type} · ${count(subscribers, "subscriber")}`)));
  fill("channels", channels.map(({ unique_name: channel, bots: members }) =>
    item({ channel }, `#${channel}`, count(members.length, "bot"))));

  const bot = bots.find((each) => each.unique_name === place.bot);
  const person = people.find((each) => each.id === place.user);
  const absent = person || !place.user ? [] : [{ id: place.user, name: names.get(place.user) ?? "?" }];
  at("title").textContent = place.channel ? `#${place.channel}` : (bot?.name ?? "");
  at("person").replaceChildren(...[...absent, ...people].map(({ id, name }) =>
    make("option", { value: id, selected: id === place.user }, `${name} · ${id}`)));
  at("subscription").hidden = !(bot && person);
  at("subscription").textContent = person?.subscribes ? "Unsubscribe" : "Subscribe";
  const entry = (label, body) => make("li", {}, button(label, () => actHere("choose", body)));
  fill("menu", (bot?.menu ?? []).flatMap(({ name: action, sub_actions: subs }) => [entry(action, { action }),
    ...(subs ?? []).map(({ name: sub_action }) => entry(`${action}: ${sub_action}`, { action, sub_action }))]));
}

// What a person does in the chat.
const acts = {
  name: ({ from, user, bot }) => (from === "person" ? names.get(user) ?? user : names.get(bot) ?? bot),
  press(item, { label, action }) {
    const { title, description = "" } = action?.confirm ?? {};
    if (!title || confirm(`${title}\n${description}`)) actHere("press", { label, message_id: item.id });
  },
  submit: (form, values) => actHere("submit", { form: form.name, values }),
};

async function send(event) {
  event.preventDefault();
  const field = at("text"), text = field.value.trim(), { channel, user } = place;
  field.value = "";
  if (!text) return;
  const [, bot, words] = /^@(\S+)\s+([^]+)$/.exec(text) ?? [];
  const isMention = channel && bots.some((each) => each.unique_name === bot);
  const done = isMention ? await act("mention", { bot, channel, user, text: words })
    : channel ? await act("write", { channel, user, text }) : await actHere("say", { text });
  if (!done) field.value ||= text;
}

// Quotas, with locks that count down, and deliveries.
function drawQuota() {
  const now = quota.now_s + ((performance.now() - quota.came) / 1000) * quota.time_scale;
  at("gauges").replaceChildren(...quota.gauges.map((gauge) => drawGauge(gauge, gauge.locked_until_s - now)));
}

function drawGauge({ user, endpoint, threshold, window_s: window, used, history }, locked) {
  const [element, part] = copy("gauge-template");
  part(".name").textContent = endpoint;
  part(".amount").textContent = `${Math.ceil(used)} of ${threshold} in ${window === 60 ? "a minute" : `${window} s`}`;
  part(".owner").textContent = user;
  part(".lock").textContent = locked > 0 ? `locked for ${minutes(Math.ceil(locked))}` : "";
  Object.assign(part("meter"), { value: used / threshold, ariaLabel: `used of ${endpoint} by ${user}` });
  const full = Math.max(...history, (threshold * STEP_S) / window);
  const bars = history.map((each, index) => (each ? `M${index * 5} 24v${(-24 * each) / full}h4V24z` : ""));
  part("path").setAttribute("d", bars.join(""));
  part("svg").ariaLabel = `${count(history.reduce((sum, each) => sum + each, 0), "request")} in three minutes`;
  return element;
}

function addDelivery(id) {
  const [element, part] = copy("delivery-template");
  Object.assign(element, { id: `delivery-${id}`, value: id });
  part(".again").onclick = () => act(`deliveries/${id}/send-again`);
  part(".exact").onclick = () => act(`deliveries/${id}/send-again`, { exact: true });
  part("details").ontoggle = () => drawDetails(id);
  return element;
}

function drawDelivery({ id, handler, bot, fault, status, late, error, done, took_s: took }) {
  const part = (selector) => at(`delivery-${id}`).querySelector(selector);
  const [outcome, kind] = error ? ["failed", "failure"] : !done ? ["waiting", ""] : [late ? "late" : status, "success"];
  part(".handler").textContent = handler;
  part(".outcome").textContent = outcome;
  part(".outcome").className = `outcome ${kind}`;
  part(".about").textContent = [`#${id}`, bot, took !== null && `${took.toFixed(2)} s`, fault].filter(Boolean).join(" · ");
  part(".reason").textContent = error ?? "";
  drawDetails(id);
}

async function drawDetails(id) {
  if (!at(`delivery-${id}`).querySelector("details").open) return;
  const { at: sent, url, request, signature, status, response, answer } = await ask(`deliveries/${id}`);
  const facts = { sent: new Date(sent).toLocaleString(), to: url, request, "X-Cliq-Signature": signature,
    status: status ?? "no response on the connection", response, answer };
  at(`delivery-${id}`)?.querySelector("dl").replaceChildren(...Object.entries(facts).flatMap(([name, value]) =>
    value === null || value === "" ? [] : [make("dt", {}, name), make("dd", {}, code(value))]));
}

async function start() {
  try {
    takers.bots({ ...await ask("bots"), ...await ask("channels") });
    const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const isThere = [...bots, ...channels].some((each) => each.unique_name === (wanted.bot ?? wanted.channel));
    await show(isThere ? wanted : { bot: (bots.find((each) => each.execution_type === "webhook") ?? bots[0]).unique_name });
  } catch {
    showConnection(false);
    setTimeout(start, RETRY_MS);
  }
}

at("composer").onsubmit = send;
at("text").addEventListener("keydown", (event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && send(event));
at("person").onchange = ({ target }) => show({ ...place, user: target.value });
at("search").onchange = () => show({ ...place, user: undefined });
at("subscription").onclick = ({ target }) => actHere(target.textContent.toLowerCase()).then((done) => done && show(place));
addEventListener("unhandledrejection", ({ reason }) => say(reason.message));
setInterval(() => quota.gauges.some((each) => each.locked_until_s !== null) && drawQuota(), 500);
start();
