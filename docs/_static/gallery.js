// The gallery of laws: words and a field narrow it down. Every law stays a link without this script.
document.addEventListener("DOMContentLoaded", () => {
  const gallery = document.querySelector(".gallery");
  if (!gallery) return;
  const cards = [...gallery.querySelectorAll(".card")];
  const words = document.querySelector("#gallery-words");
  const count = document.querySelector("#gallery-count");
  const buttons = [...document.querySelectorAll(".gallery-fields button")];
  let field = "";
  const show = () => {
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const fits = (!field || card.dataset.field === field) && asked.every((w) => card.dataset.words.includes(w));
      card.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === 1 ? "1 law" : `${shown} laws`;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.field === field));
    const state = new URLSearchParams();
    if (words.value) state.set("words", words.value);
    if (field) state.set("field", field);
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname);
  };
  const state = new URLSearchParams(location.hash.slice(1));
  words.value = state.get("words") || "";
  field = state.get("field") || "";
  words.addEventListener("input", show);
  for (const button of buttons) button.addEventListener("click", () => { field = button.dataset.field; show(); });
  document.querySelector(".gallery-search").hidden = false;
  show();
});
