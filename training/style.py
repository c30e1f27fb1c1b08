"""How the page of a report looks. Line and label colours are told apart by colour-blind people too, and by dashes."""

STYLE = """
:root{color-scheme:light dark;--ground:#fbfaf8;--card:#fff;--ink:#1c1b19;--soft:#5d5a54;
--edge:#dedad2;
--real:#146ebe;--ai:#c2510f;--s0:#1c1b19;--s1:#146ebe;--s2:#c2510f;--s3:#6b7f1e}
@media(prefers-color-scheme:dark){:root{
--ground:#161513;--card:#201f1c;--ink:#eeebe5;--soft:#aaa59b;--edge:#3a3833;
--real:#62aef0;--ai:#f08a4b;--s0:#eeebe5;--s1:#62aef0;--s2:#f08a4b;--s3:#b7cc5c}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:20px 16px 60px}
h1{margin:0;font-size:1.7rem;overflow-wrap:anywhere}
h2{margin:0 0 4px;font-size:1.15rem}
p{margin:4px 0 12px;color:var(--soft);max-width:75ch}
section{margin-top:20px;padding:16px;background:var(--card);border:1px solid var(--edge);border-radius:10px}
.boxes{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px}
.box{display:flex;flex-direction:column;padding:12px 14px}
.box{background:var(--card);border:1px solid var(--edge);border-radius:10px}
.box b{font-size:1.7rem;line-height:1.2;font-variant-numeric:tabular-nums}
.box span{color:var(--soft);font-size:.85rem}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(380px,100%),1fr));gap:16px}
figure{margin:0;min-width:0}
figcaption{font-weight:600;font-size:.9rem}
svg{width:100%;max-width:480px;height:auto;display:block}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
svg .name{fill:var(--ink)}
.grid{stroke:var(--edge);stroke-width:1;fill:none}
.guide{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4;fill:none}
.line{fill:none;stroke-width:2}
.line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1);stroke-dasharray:7 3}.line.s2{stroke:var(--s2);stroke-dasharray:3 3}
.line.s3{stroke:var(--s3);stroke-dasharray:9 3 2 3}
.dot.s0,i.s0{fill:var(--s0);background:var(--s0)}.dot.s1,i.s1{fill:var(--s1);background:var(--s1)}
.dot.s2,i.s2{fill:var(--s2);background:var(--s2)}.dot.s3,i.s3{fill:var(--s3);background:var(--s3)}
.legend{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:.85rem;margin:4px 0 0}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;vertical-align:middle}
.area{stroke-width:1.5}.area.real{fill:var(--real);stroke:var(--real)}.area.ai{fill:var(--ai);stroke:var(--ai)}
.area{fill-opacity:.25}
.band-real{fill:var(--real);opacity:.1}.band-ai{fill:var(--ai);opacity:.1}
.bar.real{fill:var(--real)}.bar.ai{fill:var(--ai)}.bar{opacity:.75}
.whisker{stroke:var(--ink);stroke-width:1.2;fill:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:5px 8px;border-bottom:1px solid var(--edge);text-align:right;white-space:nowrap}
th:first-child{text-align:left;font-weight:500;position:sticky;left:0;background:var(--card)}
thead th{color:var(--soft);font-weight:600}
th.sub{padding-left:22px!important;color:var(--soft)}
summary{cursor:pointer;padding:6px 0;font-weight:600}
@media(max-width:560px){th:first-child{white-space:normal;min-width:120px}section{padding:12px}}
"""
