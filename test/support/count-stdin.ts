/** Reads a capture from stdin as a process of its own would; closes it after the first frame when there is only one. */
import { openFile } from '../../capture/file.ts';

const source = await openFile({ path: '-' });
let frames = 0;
const end = await source.run((batch) => {
  frames += batch.count;
  if (frames === 1) source.close();
});
console.log(JSON.stringify({ frames, end, interface: source.interfaces[0]?.name }));
