extension Page {
  /// What the policy of `headers` allows of scripts; a test holds it against `script`.
  static let scriptDigest = "sha256-kKaf3oxq2sbNIQoIYz9m631X5TsMsH4EkASMAObBYno="

  /// The one script: asks for the page again while somebody looks at it, and changes under `main` what has changed.
  ///
  /// Elements stay what they are wherever they can, so that focus, selection, scrolling and what a person opened or
  /// closed stay as well. `open` is never taken from the answer.
  static let script: HTML = #"""
    "use strict";
    (() => {
      const pause = (page) => (Number(page.body.dataset.every) || 5) * 1000, slowest = 60000;
      const version = (page) => page.querySelector("meta[name=generator]")?.content;
      let wait = pause(document), timer = 0, asking = false, heard = new Date();

      function renew(now, next) {
        if (now.isEqualNode(next)) return;
        if (now.nodeType !== 1) { now.data = next.data; return; }
        for (const name of new Set([...now.getAttributeNames(), ...next.getAttributeNames()])) {
          if (name === "open") continue;
          const value = next.getAttribute(name);
          if (value === null) now.removeAttribute(name);
          else if (now.getAttribute(name) !== value) now.setAttribute(name, value);
        }
        const known = (node) => node && node.nodeType === 1 ? node.id : "";
        let at = now.firstChild;
        for (const child of [...next.childNodes]) {
          const id = known(child);
          if (id) {
            const same = [...now.children].find((one) => one.id === id);
            if (same) while (at && at !== same) { const gone = at; at = at.nextSibling; gone.remove(); }
          }
          if (at && at.nodeName === child.nodeName && known(at) === id) { renew(at, child); at = at.nextSibling; }
          else now.insertBefore(document.importNode(child, true), at);
        }
        while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
      }

      function stale() {
        let line = document.getElementById("stale");
        if (line) return;
        line = document.createElement("p");
        line.id = "stale";
        line.textContent = "clup does not answer. This was the state at " + heard.toLocaleTimeString() + ".";
        document.getElementById("state").prepend(line);
      }

      async function look() {
        clearTimeout(timer);
        if (document.hidden || asking) return;
        asking = true;
        try {
          const answer = await fetch(location.pathname + location.search,
            { cache: "no-store", signal: AbortSignal.timeout(10000) });
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const next = page.getElementById("main"), main = document.getElementById("main");
          if (!next) throw new Error("no page of clup");
          if (version(page) !== version(document)) { location.reload(); return; }
          const held = document.activeElement;
          renew(main, next);
          if (held && !held.isConnected) main.focus({ preventScroll: true });
          document.title = page.title;
          const icon = "link[rel=icon]";
          document.querySelector(icon).href = page.querySelector(icon).href;
          heard = new Date();
          wait = pause(page);
        } catch {
          stale();
          wait = Math.min(wait * 2, slowest);
        } finally {
          asking = false;
        }
        timer = setTimeout(look, wait);
      }

      document.addEventListener("visibilitychange", look);
      addEventListener("online", look);
      timer = setTimeout(look, wait);
    })();
    """#
}
