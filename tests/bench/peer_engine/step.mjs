// bpmn-engine on the recipe that our own engine is measured on, with durable state after each step.
//
//   node step.mjs RECIPE.bpmn STATE.json AHEAD STEPS
//
// Performs AHEAD steps in memory, then STEPS steps whose state is written and flushed to the disk,
// then STEPS steps that begin with the stored state in a new engine, as after a restart. Answers
// one line of JSON: milliseconds of each step of both kinds, and the bytes of the last state.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { Engine } from 'bpmn-engine';

const [recipe, place, ahead, steps] = process.argv.slice(2);
const values = { mass: '10.00', height: '4.71', speed: '40.0', torque: '1.6', remark: 'good' };

function waiting() {
  const listener = new EventEmitter();
  const tasks = [];
  listener.on('wait', (task) => tasks.push(task));
  return { listener, tasks };
}

function complete(tasks) {
  const task = tasks.shift();
  if (!task) throw new Error('no step is waiting');
  task.signal(values);
}

async function durable(execution) {
  const state = JSON.stringify(await execution.getState());
  const file = openSync(place, 'w');
  writeSync(file, state);
  fsyncSync(file);
  closeSync(file);
  return state.length;
}

async function timed(times, act) {
  const began = performance.now();
  const answer = await act();
  times.push(performance.now() - began);
  return answer;
}

const stepMs = [];
const restartMs = [];
let bytes = 0;

const first = waiting();
const engine = new Engine({ name: 'peer', source: readFileSync(recipe, 'utf8') });
let execution = await engine.execute({ listener: first.listener });
for (let done = 0; done < Number(ahead); done += 1) complete(first.tasks);
for (let done = 0; done < Number(steps); done += 1) {
  bytes = await timed(stepMs, async () => {
    complete(first.tasks);
    return durable(execution);
  });
}
await execution.stop();
for (let done = 0; done < Number(steps); done += 1) {
  execution = await timed(restartMs, async () => {
    const found = waiting();
    const again = new Engine({ name: 'peer' }).recover(JSON.parse(readFileSync(place, 'utf8')));
    const resumed = await again.resume({ listener: found.listener });
    complete(found.tasks);
    await durable(resumed);
    return resumed;
  });
  await execution.stop();
}
process.stdout.write(`${JSON.stringify({ stepMs, restartMs, bytes })}\n`);
