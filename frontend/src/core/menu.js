// On a small screen the menu starts folded, so that the page begins with its work.
const NARROW = "(max-width: 60rem)";

export function menu(root) {
  if (root !== document) return;
  const fold = document.querySelector(".side-fold");
  if (!fold) return;
  const narrow = matchMedia(NARROW);
  const follow = () => { fold.open = !narrow.matches; };
  narrow.addEventListener("change", follow);
  follow();
}
