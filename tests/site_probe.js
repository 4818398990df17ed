// What a built page says of itself: errors, foreign requests, overflow, contrast of its words, focus of its controls.
const noticed = [];
for (const kind of ["error", "unhandledrejection"])
  addEventListener(kind, (e) => noticed.push(String(e.message || e.reason)));
for (const kind of ["error", "warn"]) console[kind] = (...words) => noticed.push(words.join(" "));

const colour = (css) => { const c = css.match(/[\d.]+/g).map(Number); return [c[0], c[1], c[2], c[3] ?? 1]; };
const over = (top, below) => [...below.slice(0, 3).map((b, i) => top[i] * top[3] + b * (1 - top[3])), 1];
const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const luminance = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);

function ancestors(element) {
  const chain = [];
  for (let e = element; e; e = e.parentElement) chain.push(e);
  return chain;
}

function contrast(element) {
  const style = getComputedStyle(element);
  const chain = ancestors(element);
  const paper = chain.map((e) => colour(getComputedStyle(e).backgroundColor)).reverse().reduce((b, a) => over(a, b));
  const ink = colour(element.closest("svg") ? style.fill : style.color);
  ink[3] *= chain.reduce((product, e) => product * getComputedStyle(e).opacity, 1);
  const [low, high] = [luminance(over(ink, paper)), luminance(paper)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function words() {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const holders = new Set();
  while (walk.nextNode()) if (walk.currentNode.textContent.trim()) holders.add(walk.currentNode.parentElement);
  const seen = { opacityProperty: true, visibilityProperty: true };
  return [...holders].filter((e) => !e.closest("script,style,noscript,title,.katex-mathml") && e.checkVisibility(seen));
}

function unseen() {
  const look = (e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.borderColor].join(); };
  const controls = [...document.querySelectorAll("a[href],button,input")].filter((e) =>
    e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width);
  return controls.filter((e) => {
    const before = look(e);
    e.focus({ preventScroll: true });
    return document.activeElement !== e || look(e) === before;
  }).map((e) => e.outerHTML.slice(0, 80));
}

addEventListener("load", () => setTimeout(() => {
  const pale = words().filter((e) => contrast(e) < 4.5).map((e) => `${e.outerHTML.slice(0, 80)} ${contrast(e).toFixed(2)}`);
  parent.postMessage(JSON.stringify({
    noticed, pale, unseen: unseen(), words: words().length, paper: getComputedStyle(document.body).backgroundColor,
    width: document.documentElement.clientWidth, scroll: document.documentElement.scrollWidth,
    foreign: performance.getEntriesByType("resource").map((e) => e.name).filter((n) => n.startsWith("http")),
    formulas: document.querySelectorAll(".math").length, mathml: document.querySelectorAll(".math math").length,
  }), "*");
}, 1000));
