// Draws routes as polylines between depot and stops, in the pixels of the SVG element.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 26;
const NUMBER_SIZE = 18;

/**
 * Draws the plans; each has `depot`, `stops` and `look` (the class names of its colour and dash).
 * Where the pointer is over a route, `onPoint(id | null)` is called; a click calls `onPick(id)`.
 */
export function draw(svg, plans, { onPoint, onPick }) {
  const { clientWidth: width, clientHeight: height } = svg;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const place = projection(plans, width, height);
  const routes = plans.map((plan) => route(plan, place, { onPoint, onPick }));
  const depots = new Map(plans.map(({ depot }) => [`${depot.x} ${depot.y}`, depot]));
  svg.replaceChildren(...routes, ...[...depots.values()].map((at) => depot(place(at))));
}

/** Marks one route, or none, and brings it to the front. */
export function highlight(svg, id) {
  svg.classList.toggle("has-marked", id !== null);
  for (const group of svg.querySelectorAll(".route")) {
    const isMarked = group.dataset.plan === id;
    group.classList.toggle("marked", isMarked);
    if (isMarked && group.nextElementSibling?.matches(".route")) {
      svg.insertBefore(group, svg.querySelector(".depot"));
    }
  }
}

/** From the plane of the plans to pixels: one scale for both axes, upwards is up. */
function projection(plans, width, height) {
  const points = plans.flatMap((plan) => [plan.depot, ...plan.stops.map((stop) => stop.location)]);
  const [x0, x1] = range(points.map((point) => point.x));
  const [y0, y1] = range(points.map((point) => point.y));
  const fit = (pixels, length) => Math.max(pixels - 2 * MARGIN, 1) / (length || 1);
  const scale = Math.min(fit(width, x1 - x0), fit(height, y1 - y0));
  const left = (width - (x1 - x0) * scale) / 2;
  const bottom = (height + (y1 - y0) * scale) / 2;
  return ({ x, y }) => [left + (x - x0) * scale, bottom - (y - y0) * scale];
}

function range(numbers) {
  const wider = ([low, high], number) => [Math.min(low, number), Math.max(high, number)];
  const [low, high] = numbers.reduce(wider, [Infinity, -Infinity]);
  return low <= high ? [low, high] : [0, 0];
}

function route(plan, place, { onPoint, onPick }) {
  const group = element("g", { class: `route ${plan.look} ${plan.status}` });
  group.dataset.plan = plan.id;
  const home = place(plan.depot);
  const stops = plan.stops.map((stop) => ({ ...stop, at: place(stop.location) }));
  const visits = numberedLast(stops.map((stop, index) => ({ ...stop, position: index + 1 })));
  const points = [home, ...stops.map((stop) => stop.at), home].map((at) => at.join(" ")).join(" ");
  group.append(
    element("polyline", { class: "reach", points }),
    element("polyline", { class: "line", points }),
    ...visits.map(visit),
    titled(`${plan.reference}: ${plan.stops.length} stops`),
  );
  group.addEventListener("pointerenter", () => onPoint(plan.id));
  group.addEventListener("pointerleave", () => onPoint(null));
  group.addEventListener("click", () => onPick(plan.id));
  return group;
}

/** Says of each stop whether its number has room beside those before, and puts those that have on top. */
function numberedLast(stops) {
  const numbered = [];
  for (const stop of stops) {
    const [x, y] = stop.at;
    const isFar = ({ at }) => Math.hypot(at[0] - x, at[1] - y) > NUMBER_SIZE;
    if (numbered.every(isFar)) numbered.push(stop);
  }
  const crowded = stops.filter((stop) => !numbered.includes(stop));
  return [...crowded, ...numbered.map((stop) => ({ ...stop, isNumbered: true }))];
}

function visit({ at: [cx, cy], customer, demand, position, isNumbered }) {
  const group = element("g", { class: isNumbered ? "stop numbered" : "stop" });
  const number = element("text", { x: cx, y: cy });
  number.textContent = position;
  const label = titled(`Stop ${position}: customer ${customer}, demand ${demand}`);
  group.append(element("circle", { cx, cy }), number, label);
  return group;
}

function depot([x, y]) {
  const square = element("rect", { class: "depot", x: x - 7, y: y - 7, width: 14, height: 14, rx: 2 });
  square.append(titled("Depot"));
  return square;
}

function titled(text) {
  const title = element("title");
  title.textContent = text;
  return title;
}

function element(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
