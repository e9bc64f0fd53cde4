// Island: the trend chart. Every chart stands beside a table of the same data.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export { uPlot };
