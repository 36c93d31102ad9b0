// Finding products and customers with the keyboard.
import { element } from "/desk/page/form.js";

const WAIT_MS = 150;
const byId = (id) => document.getElementById(id);

export function products(ask, say, choose) {
  const input = byId("product");
  const list = byId("products");
  let found = [];
  let chosen = -1;
  let timer = 0;
  let number = 0;

  function select(index) {
    chosen = index;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[index].id);
      list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  function show(rows) {
    found = rows;
    list.replaceChildren(...rows.map((row, at) => option(row, at)));
    input.setAttribute("aria-expanded", String(rows.length > 0));
    select(rows.length ? 0 : -1);
  }

  function option(row, at) {
    const stock = row.available === null
      ? element("span", { class: "stock none", text: "no stock known" })
      : element("span", { class: row.available > 0 ? "stock" : "stock none", text: `${row.available} free` });
    const price = row.unit_price ? `${row.unit_price} ${row.currency}` : "no listed price";
    const places = row.places.map((one) => `${one.location_id} ${one.available}`).join(", ");
    const supply = row.next_supply_at ? `more on ${row.next_supply_at.slice(0, 10)}` : "";
    const made = element("li", { id: `product-${at}`, role: "option", "aria-selected": "false" },
      stock, row.name ? `${row.sku} · ${row.name}` : row.sku,
      element("small", { text: [price, places, supply].filter(Boolean).join(" · ") }));
    made.addEventListener("mousedown", (event) => { event.preventDefault(); take(at); });
    return made;
  }

  function take(at) {
    const row = found[at];
    if (!row) return;
    input.value = "";
    show([]);
    choose(row);
  }

  async function look() {
    const mine = ++number;
    const words = input.value.trim();
    const answer = words ? await ask("GET", `/desk/products?q=${encodeURIComponent(words)}`) : { products: [] };
    if (mine === number && answer) {
      show(answer.products);
      if (words) say(`${answer.products.length} found.`);
    }
    return mine === number;
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, WAIT_MS); });
  input.addEventListener("keydown", async (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (found.length) select((chosen + step + found.length) % found.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      clearTimeout(timer);
      // What is typed counts, and not what was found for half of it.
      if (found.length || await look()) take(chosen);
    } else if (event.key === "Escape") {
      input.value = "";
      show([]);
    }
  });
}

export function customers(ask, use) {
  byId("whom-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = byId("whom").value.trim();
    if (!words) return;
    const answer = await ask("POST", "/desk/customers", { words });
    if (!answer) return;
    const shown = byId("customers");
    if (!answer.customers.length) {
      shown.replaceChildren(element("p", { class: "quiet", text: "Nobody is known by that." }));
      return;
    }
    shown.replaceChildren(...answer.customers.map((one) => person(one, words, use)));
    shown.querySelector("button").focus();
  });
}

function person(one, words, use) {
  const spent = one.orders.map((each) => `${each.orders} orders, ${each.total} ${each.currency}`).join("; ");
  const recent = element("ul");
  for (const order of one.recent) {
    const day = new Date(order.placed_at_ms).toISOString().slice(0, 10);
    recent.append(element("li", { text: `${day} ${order.order_id} ${order.total} ${order.currency}` }));
  }
  const button = element("button", { type: "button", class: "plain", text: "Use for this order" });
  button.addEventListener("click", () => use(one, words));
  return element("div", { class: "person" },
    element("strong", { text: one.name || one.company || (one.erased ? "erased" : "no name on file") }),
    element("small", { text: [one.email, one.phone, one.segment, spent].filter(Boolean).join(" · ") }),
    element("small", { text: one.customer_id }), recent, button);
}
