// Follows the board: server-sent events, read through fetch because EventSource cannot send a token.

const PAUSE_MIN = 500;
const PAUSE_MAX = 8000;

/**
 * Calls `onPlan(plan)` for every plan of the board, then again whenever one changes, and
 * `onState(state)` with "connecting", "live", "lost" or "refused" (the last is final: the token is
 * not, or no longer, accepted). After a loss it goes on where it stopped. Returns how to stop it.
 */
export function follow(token, { onPlan, onState }) {
  const stop = new AbortController();
  run(token, onPlan, onState, stop.signal);
  return () => stop.abort();
}

async function run(token, onPlan, onState, signal) {
  let last = "0"; // Nothing seen yet: the server starts with the first change there ever was.
  let pause = PAUSE_MIN;
  onState("connecting");
  while (!signal.aborted) {
    try {
      const headers = { authorization: `Bearer ${token}`, "last-event-id": last };
      const response = await fetch("/api/board/live", { headers, signal, cache: "no-store" });
      if (response.status === 401 || response.status === 403) return onState("refused");
      if (!response.ok) throw new Error(`status ${response.status}`);
      onState("live");
      for await (const event of events(response.body)) {
        if (event.id) last = event.id;
        if (event.type === "plan") onPlan(JSON.parse(event.data));
        pause = PAUSE_MIN;
      }
    } catch (error) {
      if (signal.aborted) return;
      console.warn("the live board was interrupted:", error.message);
    }
    onState("lost");
    await new Promise((resume) => setTimeout(resume, pause));
    pause = Math.min(pause * 2, PAUSE_MAX);
  }
}

/** The events of a text/event-stream (WHATWG HTML, section 9.2.6). */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = empty();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line !== "") take(event, line);
      else {
        if (event.data !== null) yield event;
        event = empty();
      }
    }
  }
}

function empty() {
  return { type: "message", id: "", data: null };
}

function take(event, line) {
  const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
  if (name === "event") event.type = value;
  if (name === "id") event.id = value;
  if (name === "data") event.data = event.data === null ? value : `${event.data}\n${value}`;
}
