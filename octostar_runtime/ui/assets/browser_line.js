// The app's end of the line to the Octostar desktop, kept in the page itself.
//
// streamlit-octostar-research keeps it in the frame of whichever component came first; when that frame goes away, for
// instance with a page, nobody hears the desktop any more. Here the page hears, so components may come and go.
//
// A topic that ends in MARK is asked by ask_browser: its answer is wrapped, so that "nothing" and an error can be told
// from no answer. All other topics behave as before.
const MARK = "#answer";
const unmarked = (topic) => (topic.endsWith(MARK) ? topic.slice(0, -MARK.length) : topic);

let wrapped = 0;

function deliverable(topic, message) {
  if (!topic.endsWith(MARK)) return message.data;
  wrapped += 1;
  const answer = { octostarAnswer: wrapped };
  if (message.exception === undefined) answer.data = message.data ?? null;
  else answer.error = String(message.exception?.message ?? message.exception ?? "unknown");
  return answer;
}

function install(page) {
  const line = page.octostar ?? {};
  const latest = new Map(); // the newest message of each subscription, for components that come later
  const subscriptions = new Set();
  const taken = line.channel instanceof MessagePort ? line.channel : null;
  let port = null;

  const post = (message) => (port ? port.postMessage(message) : line.queue.push(message));

  function connect(offered) {
    port = offered;
    line.channel = port;
    port.onmessage = (event) => hear(event.data ?? {});
    port.postMessage({ isOctostarMessage: true, call: "ack" });
    // a desktop that was loaded anew has forgotten what this page subscribed to
    const waiting = line.queue.splice(0);
    const known = new Set(waiting.map((message) => message.subscribe));
    subscriptions.forEach((topic) => known.has(topic) || post({ isOctostarMessage: true, subscribe: topic, replyTo: topic }));
    waiting.forEach(post);
  }

  function hear(message) {
    if (message.to === "ping") return void port.postMessage({ isOctostarMessage: true, call: "pong" });
    if (!message.to) return undefined;
    const plain = message.json ? { ...message, data: JSON.parse(message.data) } : message;
    if (subscriptions.has(plain.to)) latest.set(plain.to, plain);
    [plain.to, plain.to + MARK].forEach((topic) => tell(topic, plain));
    return undefined;
  }

  function tell(topic, message) {
    (line.listeners[topic] ?? []).slice().forEach((listener) => {
      try {
        listener(deliverable(topic, message));
      } catch {
        line.off(topic, listener); // its frame is gone
      }
    });
  }

  Object.assign(line, {
    queue: line.queue ?? [],
    listeners: line.listeners ?? {},
    channel: { postMessage: post },
    on(topic, callback) {
      line.listeners[topic] = [...(line.listeners[topic] ?? []), callback];
      return line.listeners[topic].length === 1;
    },
    off(topic, callback) {
      const left = (line.listeners[topic] ?? []).filter((each) => each !== callback);
      if (left.length) line.listeners[topic] = left;
      else delete line.listeners[topic];
      return left.length === 0;
    },
    once(topic, callback) {
      const first = (data) => {
        line.off(topic, first);
        callback(data);
      };
      line.on(topic, first);
    },
    callReplyingTo(topic, replyTo, ...args) {
      const marked = topic.endsWith(MARK);
      return new Promise((resolve) => {
        line.once(marked ? replyTo + MARK : replyTo, resolve);
        post({ isOctostarMessage: true, call: unmarked(topic), arguments: args, replyTo });
      });
    },
    call(topic, ...args) {
      return line.callReplyingTo(topic, `${unmarked(topic)}-once-${Math.random()}`, ...args);
    },
    emit(topic, ...args) {
      const replyTo = `${topic}-once-${Math.random()}`;
      return new Promise((resolve) => {
        line.once(replyTo, resolve);
        post({ isOctostarMessage: true, emit: topic, arguments: args, replyTo });
      });
    },
    listen(topic, callback) {
      line.on(topic, callback);
      return () => line.off(topic, callback);
    },
    subscribe(topic, callback) {
      const plain = unmarked(topic);
      line.on(topic, callback);
      if (!subscriptions.has(plain)) {
        subscriptions.add(plain);
        post({ isOctostarMessage: true, subscribe: plain, replyTo: plain });
      } else if (latest.has(plain)) {
        callback(deliverable(topic, latest.get(plain)));
      }
      return () => line.unsubscribe(topic, callback);
    },
    unsubscribe(topic, callback) {
      const plain = unmarked(topic);
      line.off(topic, callback);
      if (line.listeners[plain] || line.listeners[plain + MARK] || !subscriptions.delete(plain)) return;
      latest.delete(plain);
      post({ isOctostarMessage: true, unsubscribe: plain, replyTo: `unsubscribed-${plain}` });
    },
  });

  if (taken) {
    port = taken; // a component's frame was first; what it was given goes on here
    port.onmessage = (event) => hear(event.data ?? {});
    line.channel = port;
    line.queue.splice(0).forEach(post);
  }

  // Only the window that hosts this page may speak as the desktop; a component's frame may not.
  page.addEventListener("message", (event) => {
    const desktop = event.source === page.parent || event.source === page.top;
    if (desktop && event.data?.isOctostarMessage && event.data.channel && event.ports[0]) connect(event.ports[0]);
  });
  page.os_listener_added = true; // components then add none of their own
  page.octostar = line;
  page.octostarLineInstalled = true;
}

export default function (component) {
  if (!window.octostarLineInstalled) install(window);
  if (!component.data?.ready) component.setStateValue("ready", true);
}
