// The board: what is known of the plans, which of them are shown, and how that reaches the page.

import { cost, makeCard, openCard, updateCard, words } from "./cards.js";
import { follow } from "./live.js";
import { draw, highlight } from "./plot.js";

const COLOURS = 8;
const DASHES = 3;
const LIVE = { connecting: "Connecting", live: "Live", lost: "Connection lost, trying again", refused: "Not signed in" };
const TOKEN = "route-planning-token";

const at = (id) => document.getElementById(id);
const tenants = document.body.dataset.devTenants.split(" ").filter(Boolean);

const plans = new Map(); // By id: the plan as the server last told it, with its depot's key.
const cards = new Map(); // By id.
const shown = { depot: null, status: "", open: null, pointed: null, state: "connecting" };
let token = null;
let stop = () => {};
let isDue = false;

/** Starts from nothing, as the tenant of the token. */
function connect(newToken) {
  stop();
  token = newToken;
  plans.clear();
  cards.clear();
  Object.assign(shown, { depot: null, open: null, pointed: null });
  at("sign-in").hidden = true;
  at("board").hidden = false;
  stop = follow(token, { onPlan: learn, onState: showState });
  schedule();
}

function learn(plan) {
  const before = plans.get(plan.id);
  if (before && before.version > plan.version) return; // An answer overtook the stream.
  plans.set(plan.id, { ...before, ...plan, group: `${plan.depot.x} ${plan.depot.y}` });
  if (before && before.status !== plan.status) {
    at("news").textContent = `${plan.reference}: ${words(plan.status)}`;
  }
  schedule();
}

function showState(state) {
  shown.state = state;
  schedule();
  at("live").dataset.state = state;
  at("live").textContent = LIVE[state];
  if (state === "refused") refused();
}

function refused() {
  sessionStorage.removeItem(TOKEN);
  if (tenants.length > 0) return void signInAs(at("tenant").value);
  at("sign-in").hidden = false;
  at("board").hidden = true;
  at("token").focus();
}

/** Draws once for all that came in since the last frame. */
function schedule() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    render();
  });
}

function render() {
  const groups = depots();
  if (!groups.has(shown.depot)) shown.depot = groups.keys().next().value ?? null;
  const here = groups.get(shown.depot)?.plans ?? [];
  const visible = here.filter((plan) => !shown.status || plan.status === shown.status);
  showDepots(groups);
  showCounts(here);
  showCards(visible);
  showTotals(visible);
  showEmpty(here, visible);
  draw(at("plot"), visible, { onPoint: point, onPick: pick });
  mark();
}

/** The plans by depot, each depot's in the order of the list, each plan with its look. */
function depots() {
  const groups = new Map();
  for (const plan of plans.values()) {
    if (!groups.has(plan.group)) groups.set(plan.group, { plans: [] });
    groups.get(plan.group).plans.push(plan);
  }
  const byReference = (a, b) => a.reference.localeCompare(b.reference, "en", { numeric: true });
  for (const group of groups.values()) {
    group.plans.sort(byReference);
    group.plans.forEach((plan, index) => {
      plan.look = `colour-${index % COLOURS} dash-${Math.floor(index / COLOURS) % DASHES}`;
    });
    group.name = group.plans[0].reference.replace(/\/[^/]*$/, "");
    group.plans.sort((a, b) => b.priority - a.priority || byReference(a, b));
  }
  return new Map([...groups].sort(([, a], [, b]) => a.name.localeCompare(b.name, "en")));
}

function showDepots(groups) {
  at("depot-switch").hidden = groups.size < 2;
  const select = at("depot");
  const wanted = [...groups].map(([key, group]) => `${key}\n${group.name}`).join("\n\n");
  if (select.dataset.options !== wanted) {
    select.dataset.options = wanted;
    select.replaceChildren(...[...groups].map(([key, group]) => new Option(group.name, key)));
  }
  select.value = shown.depot ?? "";
}

function showCounts(here) {
  for (const count of at("filter").querySelectorAll("[data-count]")) {
    const status = count.dataset.count;
    count.textContent = here.filter((plan) => !status || plan.status === status).length;
  }
}

function showCards(visible) {
  const list = visible.map((plan) => {
    const known = cards.get(plan.id);
    const card = known ?? makeCard(plan, { onPoint: point, onPick: pick, onAct: act });
    cards.set(plan.id, card);
    if (card.plan !== plan || card.look !== plan.look) updateCard(card, plan);
    openCard(card, plan.id === shown.open);
    return card;
  });
  const present = at("plans").children;
  const isSame = list.length === present.length && list.every((card, index) => card === present[index]);
  if (!isSame) at("plans").replaceChildren(...list);
}

function showTotals(visible) {
  const sum = (field) => visible.reduce((total, plan) => total + plan[field], 0);
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  at("totals").textContent = visible.length === 0 ? "" : [
    plural(visible.length, "plan"), plural(sum("stop_count"), "stop"), `cost ${cost(sum("cost_tenths"))}`,
  ].join(" · ");
}

function showEmpty(here, visible) {
  const isKnown = here.length > 0 || shown.state === "live";
  at("empty").hidden = visible.length > 0 || !isKnown;
  at("empty").textContent = here.length > 0
    ? "No plan has this status."
    : "No plans yet. They appear here as soon as one is created or imported.";
}

function point(id) {
  shown.pointed = id;
  mark();
}

function pick(id) {
  shown.open = shown.open === id ? null : id;
  for (const [plan, card] of cards) openCard(card, plan === shown.open);
  if (shown.open) cards.get(id).scrollIntoView({ block: "nearest" });
  mark();
}

function mark() {
  const marked = shown.pointed ?? shown.open;
  highlight(at("plot"), cards.get(marked)?.isConnected ? marked : null);
  for (const [id, card] of cards) card.classList.toggle("marked", id === marked);
}

/** Dispatches a plan that is ready and completes one in progress, as it was when it was shown. */
async function act(plan, driver) {
  const isReady = plan.status === "ready";
  const response = await fetch(`/api/route-plans/${plan.id}/${isReady ? "dispatch" : "complete"}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "if-match": `"v${plan.version}"`,
      ...(isReady && { "content-type": "application/json" }),
    },
    ...(isReady && { body: JSON.stringify({ driver }) }),
  });
  const answer = await response.json();
  if (!response.ok) {
    throw new Error([answer.detail, ...(answer.errors ?? []).map((fault) => fault.message)].join(": "));
  }
  learn(answer);
}

async function signInAs(tenant) {
  const response = await fetch(`/dev/token?tenant=${encodeURIComponent(tenant)}`);
  if (response.ok) connect((await response.json()).token);
  else showState("lost");
}

function start() {
  at("filter").addEventListener("change", (event) => {
    shown.status = event.target.value;
    schedule();
  });
  at("depot").addEventListener("change", (event) => {
    Object.assign(shown, { depot: event.target.value, open: null });
    schedule();
  });
  at("sign-in").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = at("token").value.trim();
    at("token").value = "";
    sessionStorage.setItem(TOKEN, given);
    connect(given);
  });
  new ResizeObserver(schedule).observe(at("plot"));
  at("tenant-switch").hidden = tenants.length === 0;
  at("tenant").replaceChildren(...tenants.map((tenant) => new Option(tenant)));
  at("tenant").addEventListener("change", (event) => signInAs(event.target.value));
  if (tenants.length > 0) signInAs(tenants[0]);
  else if (sessionStorage.getItem(TOKEN)) connect(sessionStorage.getItem(TOKEN));
  else showState("refused");
}

start();
