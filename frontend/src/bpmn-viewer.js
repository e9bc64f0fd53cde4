// Island: the read-only BPMN diagram. The mark of bpmn.io at the lower right must stay visible
// (its licence asks for it): nothing may cover that corner.
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";
import "bpmn-js/dist/assets/diagram-js.css";
import "bpmn-js/dist/assets/bpmn-js.css";

export { NavigatedViewer };
