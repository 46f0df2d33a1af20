// Plots: draws the report's curves with Plotly, in the colours of the page's light, dark or printed look.

const dark = matchMedia("(prefers-color-scheme: dark)");
const PRINTED = 335; // CSS pixels: half the width of a sheet of paper
const touch = matchMedia("(pointer: coarse)");

function themed(layout, printing) {
  const night = dark.matches && !printing;
  const { ink, faint } = night ? { ink: "#d8dade", faint: "#3a3e46" } : { ink: "#22252b", faint: "#dfe1e5" };
  const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
  const themedAxes = axes.map((key) => [key, { ...layout[key], gridcolor: faint, zerolinecolor: faint, linecolor: faint }]);
  return {
    ...layout,
    ...Object.fromEntries(themedAxes),
    ...(printing ? { width: PRINTED, autosize: false } : {}),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    dragmode: touch.matches ? false : "zoom",
    font: { family: "system-ui, sans-serif", size: 12, color: ink },
  };
}

/** Draw every `[data-plot]`, one in each turn of the event loop so that the page stays responsive; all at once to print. */
export async function drawPlots(plots) {
  const places = [...document.querySelectorAll("[data-plot]")];
  const config = { displaylogo: false, responsive: true, displayModeBar: false, showTips: false };
  const draw = (place, printing) => {
    const { data, layout } = plots[Number(place.dataset.plot)];
    return window.Plotly.react(place, data, themed(layout, printing), config);
  };
  const restyle = (printing) => places.forEach((place) => draw(place, printing));
  dark.addEventListener("change", () => restyle(false));
  addEventListener("beforeprint", () => restyle(true));
  addEventListener("afterprint", () => restyle(false));
  for (const place of places) {
    await draw(place, false);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
