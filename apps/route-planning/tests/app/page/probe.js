// Put into the page by the test: tells what the page shows whenever that changes, and does what it
// is told.

const faults = [];
addEventListener("error", (event) => fault(event.message));
addEventListener("unhandledrejection", (event) => fault(String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) => fault(`policy: ${event.violatedDirective}`));

function fault(text) {
  faults.push(text);
  look();
}

let isDue = false;
function look() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    const all = (selector) => [...document.querySelectorAll(selector)];
    fetch("/probe/seen", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        live: document.getElementById("live").textContent,
        cards: all(".card").map((card) => card.innerText),
        routes: all("#plot .route .line").length,
        stops: all("#plot .route .stop").length,
        depots: all("#plot .depot").length,
        faults,
      }),
    });
  });
}

new MutationObserver(look).observe(document.body, {
  subtree: true, childList: true, characterData: true, attributes: true,
});
look();

for (;;) {
  const order = await (await fetch("/probe/order")).json();
  if (order.click) document.querySelector(order.click).click();
  if (order.choose) {
    const select = document.querySelector(order.choose);
    select.value = order.option;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
