// What is open, filtered and sorted stands in the address after `#`, so that a link shows the same.
const parts = []; // {prefix, read() → values by name, show(values by name)}
let recalling = true; // until the page is complete

/** Adds a part of the page: `read` gives its values, without those that are as at first. */
function addressed(prefix, read, show) { parts.push({ prefix, read, show }); }

/** Writes all values into the address. */
function remember() {
  if (recalling) return;
  const all = new URLSearchParams();
  for (const { prefix, read } of parts) {
    for (const [name, value] of Object.entries(read())) if (value) all.set(prefix + name, value);
  }
  const place = location.pathname + location.search + (all.size ? `#${all}` : '');
  try { history.replaceState(null, '', place); } catch { /* not allowed for this file */ }
}

/** Shows what the address says; the name of a section alone changes nothing. */
function recall() {
  recalling = true;
  const all = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  for (const { prefix, show } of all.size ? parts : []) {
    const own = [...all].filter(([name]) => (prefix ? name.startsWith(prefix) : !name.includes('.')));
    show(Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value])));
  }
  recalling = false;
}
