// The desk: signs in, keeps the draft on the server, and does what the agent asks.
import * as forms from "/desk/page/form.js";
import * as lookup from "/desk/page/lookup.js";

const SAVE_MS = 400;
const POLL_MS = 5000;
const STATES = {
  draft: "draft", quoted: "quoted", awaiting_payment: "awaiting payment", placing: "being placed", placed: "placed",
};
const { element } = forms;
const byId = (id) => document.getElementById(id);

let form = forms.empty();
let draft = null;
let locations = [];
let timer = 0;
let saving = Promise.resolve(true);
let changes = 0;

// ---- talking to the server ----------------------------------------------------------------

function say(text, bad = false) {
  byId("said").textContent = text;
  byId("said").classList.toggle("bad", bad);
}

// The answer, or null where there is none; why stands in the header.
async function ask(method, path, body) {
  const token = sessionStorage.getItem("desk-token") ?? "";
  let answer;
  try {
    answer = await fetch(path, {
      method, cache: "no-store",
      headers: { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    say("The desk does not answer; what you typed is still here.", true);
    return null;
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  if (answer.status === 401) return signIn("That token is not known.");
  refuse(told);
  if (told.type?.endsWith(":outdated") && draft) await reload();
  return null;
}

// Somebody else's change counts: what stands on the server is shown, and the agent is told.
async function reload() {
  changes = 0;
  const told = await ask("GET", `/desk/drafts/${draft.draft_id}`);
  if (told) take(told);
}

function refuse(told) {
  const fault = told.errors?.[0];
  say(fault && fault.detail !== told.detail ? `${told.detail}: ${fault.detail}` : told.detail ?? "That did not work.", true);
  if (fault?.pointer !== undefined) forms.mark(fault.pointer)?.focus();
}

// ---- signing in ------------------------------------------------------------------------------

function signIn(why = "") {
  const had = sessionStorage.getItem("desk-token");
  sessionStorage.removeItem("desk-token");
  if (had !== null) say(why, true);
  byId("sign-in").hidden = false;
  byId("desk").hidden = true;
  byId("tools").hidden = true;
  byId("who").textContent = "";
  byId("token").focus();
  return null;
}

byId("sign-in-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("desk-token", byId("token").value.trim());
  byId("token").value = "";
  start();
});
byId("leave").addEventListener("click", async () => {
  await saved();
  form = forms.empty();
  draft = null;
  location.hash = "";
  sessionStorage.removeItem("desk-token");
  say("");
  signIn();
});

async function start() {
  if (!sessionStorage.getItem("desk-token")) return signIn();
  const told = await ask("GET", "/desk/me");
  if (!told) return;
  say("");
  locations = told.locations;
  byId("who").textContent = told.agent_id;
  byId("sign-in").hidden = true;
  byId("desk").hidden = false;
  byId("tools").hidden = false;
  const named = location.hash.slice(1);
  const found = named ? await ask("GET", `/desk/drafts/${encodeURIComponent(named)}`) : null;
  if (found) take(found);
  else fresh();
  byId("product").focus();
  list();
}

// ---- the draft -------------------------------------------------------------------------------

function fresh() {
  form = forms.empty();
  draft = null;
  history.replaceState(null, "", "/desk/");
  forms.draw(form, locations);
  show();
}

// A draft as the server has it, with its form.
function take(told) {
  draft = told;
  form = { ...forms.empty(), ...structuredClone(told.form) };
  history.replaceState(null, "", `/desk/#${told.draft_id}`);
  forms.draw(form, locations);
  show();
}

function changed() {
  changes += 1;
  clearTimeout(timer);
  timer = setTimeout(saved, SAVE_MS);
}

// Everything that was typed is on the server: true, or false where it could not be.
function saved() {
  clearTimeout(timer);
  saving = saving.then(save);
  return saving;
}

async function save() {
  if (!changes) return true;
  const sent = changes;
  const of = draft;
  const body = { form: forms.sent(form), revision: draft?.revision ?? 0 };
  const told = draft
    ? await ask("PUT", `/desk/drafts/${draft.draft_id}`, body)
    : await ask("POST", "/desk/drafts", body);
  if (!told || draft !== of) return false;
  const isNew = !draft;
  draft = told;
  changes -= sent;
  history.replaceState(null, "", `/desk/#${told.draft_id}`);
  show();
  if (isNew) list();
  return changes ? save() : true;
}

function show() {
  const state = draft?.state ?? "draft";
  const open = state === "draft" || state === "quoted";
  byId("draft-id").textContent = draft?.draft_id ?? "";
  byId("state").textContent = draft ? STATES[state] : "";
  byId("fields").disabled = !open;
  byId("actions").hidden = !open;
  const sum = draft?.sum;
  for (const name of ["goods", "discount", "shipping", "tax"]) byId(`sum-${name}`).textContent = sum?.[name] ?? "–";
  byId("sum-total").textContent = sum ? `${sum.total} ${sum.currency}` : "–";
  byId("missing").textContent = open && draft?.fault ? `Still missing: ${draft.fault.detail}` : "";
  if (!draft?.fault) forms.mark("");
  notice(state);
}

function notice(state) {
  const shown = byId("notice");
  const parts = [];
  if (state === "quoted") {
    const until = day(draft.quoted_until);
    parts.push(element("p", { text: draft.in_time ? `Quoted: ${draft.total} ${draft.currency}, good until ${until}.` : `The quote was good until ${until}; quote again.` }));
    parts.push(bar(button("Show the quote", "show-quote", paper)));
  } else if (state === "awaiting_payment") {
    parts.push(element("p", { text: `Waiting for ${draft.total} ${draft.currency}. Send this link to the customer:` }));
    const link = element("input", { type: "text", readonly: true, "aria-label": "Payment link", "data-testid": "pay-link" });
    link.value = draft.link;
    parts.push(link);
    parts.push(bar(button("Copy", "copy", () => copy(link)), button("Is it paid?", "is-paid", () => act("place", "The order is placed.")), button("Withdraw the link", "withdraw", () => act("withdraw", "The link is good no more."))));
  } else if (state === "placing") {
    parts.push(element("p", { text: "The order is made, and not yet durable." }));
    parts.push(bar(button("Try again", "again", () => act("place", "The order is placed."))));
  } else if (state === "placed") {
    parts.push(element("p", {}, "Order ", element("strong", { "data-testid": "order-id", text: draft.order_id }), ` over ${draft.total} ${draft.currency} is placed.`));
    parts.push(bar(button("New draft", "next", renew)));
  }
  shown.replaceChildren(...parts);
  shown.hidden = !parts.length;
}

const day = (text) => (text ? new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : "");
const bar = (...buttons) => element("div", { class: "actions" }, ...buttons);

function button(text, name, work) {
  const made = element("button", { type: "button", class: "plain", text, "data-testid": name });
  made.addEventListener("click", work);
  return made;
}

async function copy(link) {
  link.select();
  try {
    await navigator.clipboard.writeText(link.value);
    say("Copied.");
  } catch {
    say("Press Ctrl+C to copy the link.");
  }
}

// Quote, link, withdraw, place: what was typed is saved before.
async function act(what, done, more = {}) {
  if (!await saved()) return null;
  if (!draft) {
    say("There is nothing in this order yet.", true);
    byId("product").focus();
    return null;
  }
  const told = await ask("POST", `/desk/drafts/${draft.draft_id}/${what}`, { revision: draft.revision, ...more });
  if (!told) return null;
  take(told);
  say(done);
  list();
  byId("notice").querySelector("button, input")?.focus();
  return told;
}

const place = () => act("place", "The order is placed.");
const link = () => act("link", "Send the link to the customer.");

async function quote() {
  const days = Number(byId("days").value);
  if (await act("quote", "Quoted.", { days: Number.isInteger(days) ? days : 0 })) paper();
}

async function renew() {
  if (!await saved()) return;
  fresh();
  say("A new draft.");
  byId("product").focus();
}

async function forget() {
  if (!draft) return renew();
  changes = 0;
  if (!await ask("DELETE", `/desk/drafts/${draft.draft_id}`)) return;
  fresh();
  say("The draft is deleted.");
  byId("product").focus();
  list();
}

// ---- the quote on paper ------------------------------------------------------------------------

function paper() {
  const { sum } = draft;
  const rows = sum.lines.map((line, at) => element("tr", {},
    element("td", { text: form.lines[at]?.title ? `${line.sku} · ${form.lines[at].title}` : line.sku }),
    element("td", { class: "number", text: line.quantity }), element("td", { class: "number", text: line.total })));
  const further = [["Discount", sum.discount, "−"], ["Shipping", sum.shipping, ""], ["Tax", sum.tax, ""]]
    .filter(([, amount]) => Number(amount))
    .map(([name, amount, sign]) => element("tr", {}, element("td", { colspan: 2, text: name }), element("td", { class: "number", text: sign + amount })));
  const table = element("table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col", text: "What" }), element("th", { scope: "col", class: "number", text: "Pieces" }), element("th", { scope: "col", class: "number", text: sum.currency }))),
    element("tbody", {}, ...rows, ...further),
    element("tfoot", {}, element("tr", {}, element("td", { colspan: 2, text: "Total" }), element("td", { class: "number", text: `${sum.total} ${sum.currency}` }))));
  const shown = byId("paper");
  const name = form.customer?.name || form.customer?.company || "";
  shown.replaceChildren(
    element("h2", { text: `Quote ${draft.draft_id}` }), element("p", { text: name }), table,
    element("p", { text: `Quoted on ${day(draft.quoted_at)}, good until ${day(draft.quoted_until)}.` }),
    bar(button("Print", "print", () => window.print()), button("Close", "close-quote", close)));
  shown.hidden = false;
  shown.scrollIntoView();
  shown.focus();
}

function close() {
  byId("paper").hidden = true;
  byId("place").focus();
}

// ---- the list ------------------------------------------------------------------------------------

async function list() {
  const told = await ask("GET", "/desk/drafts");
  if (!told) return;
  byId("no-drafts").hidden = told.drafts.length > 0;
  byId("drafts").replaceChildren(...told.drafts.map((one) => {
    const total = one.total ? `${one.total} ${one.currency}` : `${one.lines} line${one.lines === 1 ? "" : "s"}`;
    const opening = element("button", { type: "button" }, one.draft_id,
      element("small", { text: `${STATES[one.state]} · ${total} · ${one.agent_id} · ${day(one.changed_at)}` }));
    opening.addEventListener("click", async () => {
      if (!await saved()) return;
      const found = await ask("GET", `/desk/drafts/${one.draft_id}`);
      if (!found) return;
      take(found);
      say(`Draft ${found.draft_id}.`);
      byId("product").focus();
    });
    return element("li", {}, opening);
  }));
}

// A link may be paid while the agent looks at it.
setInterval(async () => {
  if (draft?.state !== "awaiting_payment" || document.hidden) return;
  const told = await ask("GET", `/desk/drafts/${draft.draft_id}`);
  if (told && told.state !== draft.state) {
    take(told);
    say(told.state === "placed" ? "The customer has paid; the order is placed." : "The draft has changed.");
    list();
  }
}, POLL_MS);

// ---- typing ----------------------------------------------------------------------------------------

byId("order").addEventListener("input", (event) => {
  const { path } = event.target.dataset;
  if (!path) return;
  const text = event.target.value;
  forms.set(form, path, /quantity$|terms_days$/.test(path) ? forms.counted(text) : text.trim());
  if (path === "/currency") localStorage.setItem("desk-currency", text.trim());
  if (path === "/payment/method") {
    forms.drawPayment(form);
    document.querySelector('[data-path="/payment/method"]').focus();
  }
  if (path === "/delivery") forms.draw(form, locations);
  changed();
});
byId("order").addEventListener("submit", (event) => { event.preventDefault(); place(); });
byId("order").addEventListener("keydown", (event) => {
  // Enter in a field must not place an order by accident.
  if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
  event.preventDefault();
  if (event.target.closest(".line")) byId("product").focus();
});
byId("lines").addEventListener("click", (event) => {
  const number = event.target.dataset.remove;
  if (number === undefined) return;
  const [gone] = form.lines.splice(Number(number), 1);
  forms.drawLines(form);
  say(`${gone.sku} is removed.`);
  (byId("lines").querySelectorAll("[data-remove]")[Math.max(0, number - 1)] ?? byId("product")).focus();
  changed();
});

lookup.products(ask, say, (row) => {
  const line = { sku: row.sku, quantity: 1 };
  if (row.name) line.title = row.name;
  if (row.unit_price && row.currency === form.currency) line.unit_price = row.unit_price;
  form.lines.push(line);
  forms.drawLines(form);
  const place = form.lines.length - 1;
  const field = document.querySelector(`[data-path="/lines/${place}/quantity"]`);
  field.focus();
  field.select();
  say(`${row.sku} is added.`);
  changed();
});

lookup.customers(ask, (one, words) => {
  const known = { name: one.name, company: one.company, email: one.email, phone: one.phone };
  if (!known.email && words.includes("@")) known.email = words;
  else if (!known.phone && words.startsWith("+")) known.phone = words;
  form.customer = Object.fromEntries(Object.entries(known).filter(([, said]) => said));
  const [address] = one.addresses;
  if (address && !Object.keys(form.ship_to ?? {}).length) {
    form.ship_to = Object.fromEntries(Object.entries(address).filter(([, said]) => said));
  }
  forms.draw(form, locations);
  document.querySelector('[data-path="/customer/name"]').focus();
  say("The customer is taken over.");
  changed();
});

byId("quote").addEventListener("click", quote);
byId("link").addEventListener("click", link);
byId("forget").addEventListener("click", forget);
byId("new").addEventListener("click", renew);
byId("help").addEventListener("click", () => byId("keys").showModal());

const KEYS = {
  F1: () => byId("keys").showModal(),
  F2: () => byId("product").focus(),
  F4: () => byId("whom").focus(),
  F8: quote,
  F9: place,
  "Shift+F2": () => (byId("drafts").querySelector("button") ?? byId("new")).focus(),
  "Shift+F8": renew,
  "Shift+F9": link,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId("desk").hidden || byId("keys").open) return;
  const work = KEYS[(event.shiftKey ? "Shift+" : "") + event.key];
  if (!work) return;
  event.preventDefault();
  if (event.repeat) return;
  const actions = new Set([quote, place, link]);
  if (actions.has(work) && byId("actions").hidden) return;
  work();
});

window.addEventListener("beforeunload", (event) => { if (changes) event.preventDefault(); });
start();
