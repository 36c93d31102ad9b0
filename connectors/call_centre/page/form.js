// The order's form: what it holds, and how its fields are drawn. Text goes in as text only.

export const LINK = "payment_link";
const REASONS = ["price_match", "goodwill", "loyalty", "damaged", "staff", "promotion"];
const CUSTOMER = [
  ["/customer/name", "Name", "two"], ["/customer/company", "Company", "two"],
  ["/customer/email", "E-mail", "two"], ["/customer/phone", "Phone", "two"],
];
const SHIP = [
  ["/ship_to/name", "Addressee", "two"], ["/ship_to/line1", "Street and number", "two"],
  ["/ship_to/line2", "Further line", "two"], ["/ship_to/postal_code", "Postal code", ""],
  ["/ship_to/city", "City", ""], ["/ship_to/region", "Region", "two"],
  ["/ship_to/country", "Country, two letters", ""], ["/shipping_method", "Way to ship", ""],
];
const MONEY = [
  ["/currency", "Currency", ""], ["/shipping", "Shipping", ""], ["/tax", "Tax on top", ""],
  ["/discount", "Discount", ""],
];
const METHODS = [
  ["card", "Card"], [LINK, "Payment link"], ["invoice", "Invoice"],
  ["cash_on_delivery", "Cash on delivery"],
];

export function empty() {
  return {
    currency: localStorage.getItem("desk-currency") || "EUR", lines: [], customer: {},
    delivery: "ship", ship_to: {}, payment: { method: "card" },
  };
}

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

const steps = (path) => path.split("/").slice(1);

export function value(form, path) {
  return steps(path).reduce((inside, step) => (inside ?? {})[step], form);
}

// Sets a value, or takes it away where it is empty: what is not said is not sent.
export function set(form, path, said) {
  const all = steps(path);
  const last = all.pop();
  const holder = all.reduce((inside, step) => (inside[step] ??= {}), form);
  if (said === "" || said === undefined) delete holder[last];
  else holder[last] = said;
}

// A whole number is a number; anything else stays text, for the rules to refuse by name.
export const counted = (text) => (/^[0-9]{1,9}$/.test(text.trim()) ? Number(text) : text.trim());

function field(form, [path, label, width], options) {
  const id = `f${path.replaceAll("/", "-")}`;
  const said = value(form, path) ?? "";
  let input;
  if (options) {
    input = element("select", { id, "data-path": path });
    for (const [name, words] of options) input.append(element("option", { value: name, text: words }));
    if (said && !options.some(([name]) => name === said)) input.append(element("option", { value: said, text: said }));
    input.value = said;
  } else {
    input = element("input", { id, "data-path": path, type: "text", autocomplete: "off", maxlength: "500" });
    input.value = said;
  }
  return element("div", { class: `field ${width}` }, element("label", { for: id, text: label }), input);
}

const words = (name) => name.replaceAll("_", " ");
const reasons = (none) => [["", none], ...REASONS.map((name) => [name, words(name)])];
const put = (id, ...children) => document.getElementById(id).replaceChildren(...children);

export function draw(form, locations) {
  put("customer-fields", ...CUSTOMER.map((each) => field(form, each)));
  put("ship-fields", ...SHIP.map((each) => field(form, each)));
  const places = [["", "choose"], ...locations.map((name) => [name, name])];
  put("pickup-fields", field(form, ["/pickup_location_id", "Where it is fetched", "two"], places));
  put("money-fields", ...MONEY.map((each) => field(form, each)),
    field(form, ["/discount_reason", "Why the discount", "two"], reasons("none")),
    field(form, ["/note", "Note for whoever packs", "two"]));
  for (const radio of document.getElementsByName("delivery")) radio.checked = radio.value === form.delivery;
  document.getElementById("ship-fields").hidden = form.delivery === "pickup";
  document.getElementById("pickup-fields").hidden = form.delivery !== "pickup";
  drawPayment(form);
  drawLines(form);
}

export function drawPayment(form) {
  const method = form.payment?.method;
  const fields = [field(form, ["/payment/method", "Payment", "two"], METHODS)];
  if (method === "card") fields.push(field(form, ["/payment/token", "Card token, never a card's number", "two"]));
  if (method === "invoice") fields.push(field(form, ["/payment/terms_days", "Days until it is due", ""]));
  put("payment-fields", ...fields);
}

export function drawLines(form) {
  put("lines", ...form.lines.map((line, number) => {
    const at = (name) => `/lines/${number}/${name}`;
    const remove = element("button", {
      type: "button", class: "plain", "data-remove": number, text: "Remove",
      "aria-label": `Remove line ${number + 1}, ${line.sku}`,
    });
    const cells = [
      element("div", { class: "what" }, line.sku, element("small", { text: line.title ?? "" })),
      field(form, [at("quantity"), "Pieces", ""]),
      field(form, [at("unit_price"), "Listed price", ""]),
      field(form, [at("price_override/unit_price"), "Agreed price", ""]),
      field(form, [at("price_override/reason"), "Why", "why"], reasons("–")),
      remove,
    ];
    return element("div", { class: "line", role: "group", "aria-label": `Line ${number + 1}, ${line.sku}` }, ...cells);
  }));
  document.getElementById("no-lines").hidden = form.lines.length > 0;
}

// What is sent: without objects that say nothing, and without what another choice left behind.
export function sent(form) {
  const copy = structuredClone(form);
  for (const line of copy.lines) {
    if (line.price_override && !Object.keys(line.price_override).length) delete line.price_override;
  }
  if (copy.delivery === "pickup") delete copy.ship_to;
  else delete copy.pickup_location_id;
  const { method, token, terms_days: days } = copy.payment ?? {};
  copy.payment = { method };
  if (method === "card" && token) copy.payment.token = token;
  if (method === "invoice" && days !== undefined) copy.payment.terms_days = days;
  return copy;
}

// Marks the field at fault; the one that holds it where there is no such field.
export function mark(pointer) {
  for (const each of document.querySelectorAll("[aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    each.removeAttribute("aria-describedby");
  }
  if (!pointer) return null;
  const fields = [...document.querySelectorAll("#fields [data-path]")].filter((each) => each.offsetParent);
  const found = fields.find((each) => each.dataset.path === pointer)
    ?? fields.find((each) => each.dataset.path.startsWith(`${pointer}/`));
  if (found) {
    found.setAttribute("aria-invalid", "true");
    found.setAttribute("aria-describedby", "missing");
  }
  return found ?? (pointer.startsWith("/lines") ? document.getElementById("product") : null);
}
