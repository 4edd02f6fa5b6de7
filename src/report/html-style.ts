/**
 * How the report looks: on a screen, light and dark, and on A4. Nothing is loaded, no script runs. The policy names this
 * style by its hash, so that no other can act; a test says what the hash is when the style changes.
 */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #ffffff; --shade: #f6f8fa;
  --link: #0550ae; --critical: #8b0020; --high: #b42318; --medium: #8a5300; --low: #0b6075; --informational: #57606a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --paper: #0d1117; --shade: #161b22; --link: #79b8ff;
    --critical: #d61f45; --high: #d1382c; --medium: #a96500; --low: #0f7a94; --informational: #6e7681; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.25rem 1.5rem 3rem; }
h1 { font-size: 1.35rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
a { color: var(--link); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .75rem 0 0; padding: 0; font-size: .9rem; }
.verdict { border: 1px solid var(--line); border-left: .5rem solid var(--informational); border-radius: .375rem;
  background: var(--shade); padding: .75rem 1rem; }
.verdict .headline { font-size: 1.2rem; font-weight: 600; margin: 0; }
.verdict.critical { border-left-color: var(--critical); } .verdict.high { border-left-color: var(--high); }
.verdict.medium { border-left-color: var(--medium); } .verdict.low { border-left-color: var(--low); }
.caution { border-left: .25rem solid var(--medium); padding-left: .6rem; }
.badge { display: inline-block; padding: 0 .45rem; border-radius: .25rem; color: #ffffff; font-size: .78rem; font-weight: 600;
  letter-spacing: .02em; text-transform: uppercase; background: var(--informational); white-space: nowrap;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.badge.critical { background: var(--critical); } .badge.high { background: var(--high); }
.badge.medium { background: var(--medium); } .badge.low { background: var(--low); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: .75rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .5rem 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding: 0 0 .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 400; }
tbody th, td { overflow-wrap: anywhere; } td.prose { min-width: 14rem; }
.short { white-space: nowrap; } .refs { overflow-wrap: normal; }
.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.evidence th { width: 16rem; }
.right { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
ol.steps > li { margin: 0 0 1rem; } ol.steps > li::marker { font-weight: 600; }
pre { margin: .4rem 0; padding: .5rem .75rem; background: var(--shade); border: 1px solid var(--line); border-radius: .25rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
pre, code { font-family: ui-monospace, "Liberation Mono", Menlo, Consolas, monospace; font-size: .86rem; }
.soft { color: var(--soft); }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; margin: .5rem 0 0; }
svg text { fill: var(--ink); font-size: 12px; } svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--line); stroke-width: 1; } svg .tick { stroke: var(--soft); stroke-width: 1; }
svg .bar { fill: var(--informational); } svg .critical { fill: var(--critical); } svg .high { fill: var(--high); }
svg .medium { fill: var(--medium); } svg .low { fill: var(--low); }
footer { margin-top: 2rem; color: var(--soft); font-size: .85rem; }
@page { size: A4; margin: 14mm 12mm; }
@media print {
  :root { color-scheme: light; --ink: #000000; --soft: #444444; --line: #bbbbbb; --paper: #ffffff; --shade: #f4f4f4; --link: #000000;
    --critical: #8b0020; --high: #b42318; --medium: #8a5300; --low: #0b6075; --informational: #57606a; }
  body { font-size: 9.5pt; line-height: 1.4; } td, th { padding: .15rem .4rem .15rem 0; } main { max-width: none; padding: 0; } nav { display: none; } a { text-decoration: none; }
  .scroll { overflow: visible; } tr, li, svg, .verdict, pre { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; } thead { display: table-header-group; }
  td.prose { min-width: 0; } table { font-size: 8.5pt; } .evidence th { width: 4.5cm; }
}
`;

/** SHA-256 of STYLE, as the policy wants it. */
export const STYLE_HASH = 'sha256-FAD/jFkoV079LNTDrOkXuYzEL4m/MCugNwbSyq4ZqVw=';
