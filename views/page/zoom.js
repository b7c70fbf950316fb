// Zooming by wheel and by two fingers: how much, and around which point of the screen. Below 1 is closer.

const MOST_PIXELS = 300;

export const onZoom = (node, zoom) => {
  let [factor, at, isAsked, spread] = [1, null, false, null];
  // At most once a frame, however many events there are.
  const ask = (more, x, y) => {
    factor *= more;
    at = [x, y];
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      const all = factor;
      [factor, isAsked] = [1, false];
      zoom(all, at[0], at[1]);
    });
  };
  const captured = { capture: true, passive: false };
  node.addEventListener('wheel', (event) => {
    event.preventDefault();
    event.stopPropagation();
    const pixels = event.deltaY * (event.deltaMode === 0 ? 1 : 33);
    ask(Math.exp(Math.min(Math.max(pixels, -MOST_PIXELS), MOST_PIXELS) * 0.0035), event.clientX, event.clientY);
  }, captured);
  const touched = (event) => {
    if (event.touches.length !== 2) { spread = null; return; }
    event.preventDefault();
    event.stopPropagation();
    const [one, two] = event.touches;
    const distance = Math.max(Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY), 1);
    if (spread !== null) ask(spread / distance, (one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2);
    spread = distance;
  };
  for (const name of ['touchstart', 'touchmove', 'touchend']) node.addEventListener(name, touched, captured);
};
