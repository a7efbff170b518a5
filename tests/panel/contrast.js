// Every visible text whose contrast with its ground is below what WCAG AA asks; disabled controls are exempt there.
const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return {r: m[0], g: m[1], b: m[2], a: m[3] ?? 1}; };
const light = c => { const f = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * f(c.r) + 0.7152 * f(c.g) + 0.0722 * f(c.b); };
const over = (t, u) => ({r: t.r * t.a + u.r * (1 - t.a), g: t.g * t.a + u.g * (1 - t.a), b: t.b * t.a + u.b * (1 - t.a), a: 1});
const ground = e => { const layers = []; for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (c && c !== 'transparent') { const p = parse(c); if (p.a > 0) { layers.push(p); if (p.a === 1) break; } } }
  return layers.reverse().reduce((under, top) => over(top, under), {r: 255, g: 255, b: 255, a: 1}); };
const low = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let n = walker.nextNode(); n; n = walker.nextNode()) {
  const text = n.textContent.trim(), e = n.parentElement;
  if (!text || !e || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TITLE'].includes(e.tagName)) continue;
  if (e.closest('[disabled],[aria-disabled="true"],svg,canvas,.material-icons,[data-testid="stIconMaterial"]')) continue;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (!box.width || !box.height || style.visibility === 'hidden' || style.clipPath !== 'none' || +style.opacity === 0) continue;
  const under = ground(e), top = over(parse(style.color), under);
  const a = light(top), b = light(under), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 700;
  if (ratio < (size >= 24 || (bold && size >= 18.66) ? 3 : 4.5) - 0.01) low.push([text.slice(0, 40), ratio.toFixed(2), style.color]);
}
return low;
