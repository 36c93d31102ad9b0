// Shows the snapshots that /events sends. All text goes in as text, never as markup.
"use strict";

const CHART_HEIGHT = 240;
const STALE_MS = 15000;
const LATE_RECORDS = 10000;
const SERIES_COLOURS = 8;
const STEP_NAMES = {
  reserving: "Reserving", authorizing: "Authorizing", ready: "Ready", held: "Held",
  backordered: "Backordered", released: "Released", partly_shipped: "Partly shipped",
  shipped: "Shipped", refused: "Refused", cancelled: "Cancelled",
};
const RELEASED = new Set(["released", "partly_shipped", "shipped"]);
const REFUSAL_NAMES = {
  OrderRefused: "Order", AmendmentRefused: "Amendment", PayloadRejected: "Payload",
};

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
const shown = (number) => (number === null || number === undefined ? "–" : whole.format(number));
const share = (number) => (number === null || number === undefined ? "–" : percent.format(number));
const words = (name) => name.replaceAll("_", " ");
const sentence = (name) => words(name).replace(/^./, (first) => first.toUpperCase());

function put(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function age(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

// ---- connection ----------------------------------------------------------------------------

let heardAt = 0;

function connection(state, text) {
  byId("connection").dataset.state = state;
  put("connection-text", text);
}

function connect() {
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    const snapshot = JSON.parse(message.data);
    heardAt = Date.now();
    connection("live", "Live");
    show(snapshot);
  };
  source.addEventListener("unavailable", () => {
    heardAt = Date.now();
    connection("lost", "Database does not answer");
  });
  source.onerror = () => {
    connection("lost", "Connection lost, trying again");
    // A server that refuses ends the source for good; one that is away is tried by the browser.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}

setInterval(() => {
  if (heardAt && Date.now() - heardAt > STALE_MS) connection("lost", "No news");
}, 1000);

// ---- numbers and tables --------------------------------------------------------------------

function show(snapshot) {
  put("updated", clock.format(snapshot.at));
  byId("updated").dateTime = new Date(snapshot.at).toISOString();
  tiles(snapshot);
  funnel(snapshot.funnel);
  refusals(snapshot.refusals);
  held(snapshot.held);
  amendments(snapshot.amendments);
  money(snapshot.money);
  lowStock(snapshot.low_stock, snapshot.low_stock_threshold);
  chart(snapshot.orders_per_minute);
}

function tiles({ totals, approval, funnel: steps, lag, orders_per_minute: series }) {
  const released = steps.filter((each) => RELEASED.has(each.step))
    .reduce((sum, each) => sum + each.orders, 0);
  const open = steps.filter((each) => each.open).reduce((sum, each) => sum + each.orders, 0);
  const full = series.minutes.length - 2;
  const rate = Object.values(series.channels).reduce((sum, values) => sum + values[full], 0);
  put("orders", shown(totals.orders));
  put("rate", shown(rate));
  put("released", shown(released));
  put("released-share", totals.orders ? `${share(released / totals.orders)} of orders` : "of orders");
  put("open", shown(open));
  put("approval", share(approval.rate));
  put("approval-hour", `${share(approval.rate_last_hour)} in the last hour`);
  put("lag", shown(lag));
  byId("lag-tile").classList.toggle("late", lag > LATE_RECORDS);
  put("rejected", shown(totals.rejected));
  put("replayed", shown(totals.replayed));
  put("dead-letters", shown(totals.dead_letters));
  put("events", shown(totals.events));
}

function funnel(steps) {
  const list = byId("funnel");
  const most = Math.max(1, ...steps.map((each) => each.orders));
  if (list.children.length !== steps.length) {
    list.replaceChildren(...steps.map((each) => {
      const row = element("li", each.open ? "" : "ended");
      row.dataset.step = each.step;
      const track = element("div", "track");
      track.append(element("div", "bar"));
      const amount = element("span", "amount");
      amount.append(element("span", "orders"), element("small", "oldest"));
      row.append(element("span", "step", STEP_NAMES[each.step]), track, amount);
      return row;
    }));
  }
  steps.forEach((each, index) => {
    const row = list.children[index];
    row.querySelector(".bar").style.width = `${Math.max(each.orders ? 0.5 : 0, (each.orders / most) * 100)}%`;
    row.querySelector(".orders").textContent = shown(each.orders);
    const oldest = row.querySelector(".oldest");
    oldest.textContent = each.oldest_seconds === null ? "" : age(each.oldest_seconds);
    oldest.title = each.oldest_seconds === null ? "" : "the longest in this step";
  });
}

function fill(id, rows) {
  byId(id).querySelector("tbody").replaceChildren(...rows);
  byId(id).hidden = rows.length === 0;
  byId(`${id}-empty`).hidden = rows.length !== 0;
}

function cells(...contents) {
  const row = element("tr");
  for (const [text, className] of contents) row.append(element("td", className, text));
  return row;
}

function refusals(found) {
  fill("refusals", found.map((each) => cells(
    [REFUSAL_NAMES[each.event] ?? each.event], [words(each.reason)], [shown(each.refused), "number"],
  )));
}

function held(found) {
  fill("held", found.map((each) => {
    const row = cells(
      [sentence(each.kind)], [shown(each.orders), "number"], [age(each.oldest_seconds), "number"], [""],
    );
    const link = element("a", "", each.oldest_order_id);
    link.href = `#${encodeURIComponent(each.oldest_order_id)}`;
    row.lastChild.append(link);
    return row;
  }));
}

// Minor units to text without a detour through floating point; the sign only where it is asked for.
function sum(minor, exponent, sign = "") {
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const cut = digits.length - exponent;
  const major = whole.format(BigInt(digits.slice(0, cut)));
  const text = exponent ? `${major}.${digits.slice(cut)}` : major;
  return `${minor < 0 ? "−" : sign}${text}`;
}

function money(found) {
  fill("money", found.map((each) => cells(
    [each.currency], [sentence(each.method)],
    [each.taken_minor ? sum(each.taken_minor, each.exponent) : "–", "number"],
    [each.given_back_minor ? sum(each.given_back_minor, each.exponent) : "–", "number"],
  )));
}

function amendments({ amended, refused, differences }) {
  put("amended", shown(amended));
  put("amendments-refused", shown(refused));
  byId("difference").replaceChildren(...differences.map((each) => element(
    "span", "", `${sum(each.difference_minor, each.exponent, "+")} ${each.currency}`,
  )));
  if (differences.length === 0) put("difference", "–");
}

function lowStock(found, threshold) {
  put("threshold", `${threshold} pieces or fewer available`);
  fill("low-stock", found.map((each) => cells(
    [each.sku], [each.location_id], [shown(each.on_hand), "number"],
    [shown(each.reserved), "number"], [shown(each.allocated), "number"],
    [shown(each.available), each.available <= 0 ? "number out" : "number low"],
  )));
}

// ---- chart ---------------------------------------------------------------------------------

let plot = null;
let plotted = "";
let latest = null;
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function chart(series) {
  latest = series;
  const channels = Object.keys(series.channels);
  byId("chart-empty").hidden = channels.length !== 0;
  byId("chart").hidden = channels.length === 0;
  legend(series, channels);
  if (channels.length === 0) return;
  // Stacked: each series is drawn as the sum of itself and those below, the largest sum first.
  const sums = [];
  channels.forEach((channel, index) => {
    sums.push(series.channels[channel].map((value, at) => value + (index ? sums[index - 1][at] : 0)));
  });
  const values = [series.minutes, ...sums.reverse()];
  const key = JSON.stringify([channels, dark.matches]);
  if (key !== plotted) {
    if (plot) plot.destroy();
    plot = new uPlot(options(channels), values, byId("chart"));
    plotted = key;
  } else {
    plot.setData(values);
  }
}

function options(channels) {
  const axis = {
    stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false }, font: "12px system-ui, sans-serif",
  };
  return {
    width: byId("chart").clientWidth,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(4, high * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 32,
        values: (_plot, ticks) => ticks.map((tick) => clock.format(tick * 1000).slice(0, 5)) },
      { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6],
        values: (_plot, ticks) => ticks.map((tick) => whole.format(tick)) },
    ],
    series: [{}, ...channels.map((channel, index) => {
      const tone = colour(`--series-${index % SERIES_COLOURS}`);
      return { label: channel, stroke: tone, fill: `${tone}80`, width: 1.5, points: { show: false } };
    }).reverse()],
    // The fill of a sum ends where the sum below it begins.
    bands: channels.slice(1).map((_channel, index) => ({ series: [index + 1, index + 2] })),
    hooks: { setCursor: [(self) => legend(latest, Object.keys(latest.channels), self.cursor.idx)] },
  };
}

function legend(series, channels, index) {
  const at = index ?? null;
  byId("legend").replaceChildren(...channels.map((channel, place) => {
    const item = element("li");
    item.dataset.channel = channel;
    const swatch = element("span", "swatch");
    swatch.style.background = colour(`--series-${place % SERIES_COLOURS}`);
    const values = series.channels[channel];
    const amount = at === null ? values.reduce((sum, value) => sum + value, 0) : values[at];
    item.append(swatch, element("span", "", channel), element("b", "", shown(amount)));
    return item;
  }), ...(at === null ? [] : [element("li", "", `at ${clock.format(series.minutes[at] * 1000).slice(0, 5)}`)]));
}

new ResizeObserver(() => {
  const width = byId("chart").clientWidth;
  if (plot && width && width !== plot.width) plot.setSize({ width, height: CHART_HEIGHT });
}).observe(byId("chart"));
dark.addEventListener("change", () => latest && chart(latest));

// ---- an order's timeline -------------------------------------------------------------------

let asked = 0;

async function timeline(orderId) {
  const question = ++asked;
  const list = byId("timeline");
  const note = byId("timeline-empty");
  const say = (text) => { list.replaceChildren(); note.hidden = false; note.textContent = text; };
  if (!orderId) return say("Enter an order id to see everything that happened to it.");
  say("Looking …");
  try {
    const answer = await fetch(`/api/orders/${encodeURIComponent(orderId)}`);
    if (question !== asked) return;
    if (answer.status === 404) return say(`No order ${orderId} is known.`);
    if (!answer.ok) throw new Error(answer.statusText);
    const found = await answer.json();
    if (question !== asked) return;
    note.hidden = true;
    list.replaceChildren(...found.events.map(moment));
  } catch {
    if (question === asked) say("The server does not answer.");
  }
}

function moment(each) {
  const refused = /Refused|Declined|Rejected|Failed|Unreadable|DeadLetter/.test(each.event);
  const row = element("li", refused ? "refusal" : "");
  const at = new Date(each.at);
  const time = element("time", "", `${day.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`);
  time.dateTime = each.at;
  const what = element("details", "what");
  const summary = element("summary", "", "");
  summary.append(element("strong", "", each.event));
  if (each.why) summary.append(element("span", refused ? "why" : "reason", ` ${words(each.why)}`));
  what.append(summary, element("pre", "", JSON.stringify(each.detail, null, 2)));
  row.append(time, element("span", "room", each.room), what);
  return row;
}

byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const orderId = byId("order-id").value.trim();
  history.replaceState(null, "", orderId ? `#${encodeURIComponent(orderId)}` : location.pathname);
  timeline(orderId);
});

function follow() {
  const linked = decodeURIComponent(location.hash.slice(1));
  if (!linked) return;
  byId("order-id").value = linked;
  timeline(linked);
}

addEventListener("hashchange", () => {
  follow();
  byId("search").scrollIntoView({ block: "start" });
});
follow();
connect();
