/**
 * The detectors of this build: the one door through which src knows them. Apart from the agent, so that reading a file or
 * checking a configuration loads nothing of what watches a live host.
 */
export { analyzers as ANALYZERS } from '../../analyzers/index.ts';
