// One card a plan: made once, brought up to date in place, so that focus and open forms stay.

const STATUS = { ready: "Ready", in_progress: "In progress", done: "Done" };
const ACTION = { ready: "Dispatch", in_progress: "Complete" };
const HISTORY = [["planned_at", "Planned"], ["dispatched_at", "Dispatched"], ["completed_at", "Completed"]];

/** How people read a cost: tenths become a decimal, where there is one. */
export function cost(tenths) {
  return (tenths / 10).toLocaleString("en", { maximumFractionDigits: 1 });
}

/** The words for a status. */
export function words(status) {
  return STATUS[status] ?? status;
}

/**
 * A new card for a plan. `onPoint(id | null)` is called while it is pointed at or has the focus,
 * `onPick(id)` when it is opened or closed, and `onAct(plan, driver)` for its button; what that
 * throws is shown on the card.
 */
export function makeCard(plan, { onPoint, onPick, onAct }) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  card.dataset.plan = plan.id;
  card.querySelector(".driver input").value = newDriver();
  card.addEventListener("pointerenter", () => onPoint(plan.id));
  card.addEventListener("pointerleave", () => onPoint(null));
  card.addEventListener("focusin", () => onPoint(plan.id));
  card.addEventListener("focusout", () => onPoint(null));
  card.querySelector(".head").addEventListener("click", () => onPick(plan.id));
  card.querySelector(".act").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [form, problem] = [event.target, card.querySelector(".problem")];
    problem.textContent = "";
    form.inert = true;
    try {
      await onAct(card.plan, form.elements.driver.value.trim());
    } catch (error) {
      problem.textContent = error.message;
    }
    form.inert = false;
  });
  return card;
}

/** Shows the plan as it is now. */
export function updateCard(card, plan) {
  const isNew = card.plan === undefined;
  const hasNews = !isNew && card.plan.status !== plan.status;
  Object.assign(card, { plan, look: plan.look });
  card.className = `card ${plan.look} ${plan.status}`;
  card.querySelector(".reference").textContent = plan.reference;
  card.querySelector(".status").textContent = words(plan.status);
  fill(card, "load", `${plan.load} / ${plan.capacity}`);
  fill(card, "stops", plan.stop_count);
  fill(card, "cost", cost(plan.cost_tenths));
  card.querySelector(".bar span").style.width = `${(100 * plan.load) / Math.max(plan.capacity, 1)}%`;
  card.querySelector(".history").replaceChildren(...history(plan));
  act(card, plan);
  if (hasNews) requestAnimationFrame(() => card.classList.add("changed"));
}

/** Opens or closes the card. */
export function openCard(card, isOpen) {
  card.classList.toggle("open", isOpen);
  card.querySelector(".head").setAttribute("aria-expanded", String(isOpen));
  card.querySelector(".more").hidden = !isOpen;
}

function fill(card, fact, value) {
  card.querySelector(`[data-fact="${fact}"]`).textContent = value;
}

function history(plan) {
  const happened = HISTORY.filter(([field]) => plan[field]);
  return happened.map(([field, word]) => {
    const entry = document.createElement("li");
    const time = document.createElement("time");
    time.dateTime = plan[field];
    time.textContent = new Date(plan[field]).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
    entry.append(`${word} `, time);
    if (field === "dispatched_at") entry.append(` to driver ${plan.driver}`);
    return entry;
  });
}

function act(card, plan) {
  const form = card.querySelector(".act");
  form.hidden = !(plan.status in ACTION);
  form.querySelector("button").textContent = ACTION[plan.status] ?? "";
  const driver = form.querySelector(".driver");
  driver.hidden = plan.status !== "ready";
  form.elements.driver.disabled = driver.hidden;
}

/** A random UUID of version 4, to try things out with. */
function newDriver() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
