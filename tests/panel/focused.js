// What has the keyboard focus, and whether it shows.
const e = document.activeElement; if (!e || e === document.body) return null;
const s = getComputedStyle(e);
return {tag: e.tagName, cls: String(e.className), href: e.getAttribute('href'), role: e.getAttribute('role'),
  label: e.getAttribute('aria-label'), seen: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== 'none'};
