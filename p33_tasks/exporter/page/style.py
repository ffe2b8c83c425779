"""The page's style sheet. System fonts, both colour schemes, from 320 px upwards."""

STYLE = """
:root{color-scheme:light dark;
--bg:#f3f5f7;--panel:#fff;--ink:#14181d;--soft:#57616c;--line:#d8dde3;--link:#1b4d9e;
--go:#0a6638;--stop:#ad1f18;--wait:#7d5200;--stop-bg:#fdeeec;--go-bg:#e8f5ed;--wait-bg:#fcf3df}
@media(prefers-color-scheme:dark){:root{
--bg:#0f1215;--panel:#171b20;--ink:#e7eaee;--soft:#9ba6b2;--line:#2b323a;--link:#8ab4ff;
--go:#58cf8b;--stop:#ff8a80;--wait:#f0bf57;--stop-bg:#2a1816;--go-bg:#12241a;--wait-bg:#282011}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:1180px;margin:0 auto;padding:0 20px}
header{display:flex;flex-wrap:wrap;gap:6px 20px;align-items:baseline;padding-top:18px;padding-bottom:14px}
header b{font-weight:650}
header form{margin-left:auto}
a{color:var(--link);text-underline-offset:2px}
a:focus-visible,input:focus-visible,button:focus-visible{outline:2px solid var(--link);outline-offset:2px}
h1{font-size:26px;line-height:1.2;font-weight:650;margin:0;letter-spacing:-.01em}
h2{font-size:17px;line-height:1.3;font-weight:650;margin:34px 0 10px}
h2 small{font-size:14px;font-weight:400;color:var(--soft);margin-left:8px}
p{margin:6px 0}
ul{margin:8px 0 0;padding-left:18px}
.soft,.when{color:var(--soft)}
.num,.id,td,pre,dd.v,input{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:13.5px;font-variant-numeric:tabular-nums}
.go{color:var(--go)}.stop{color:var(--stop)}.wait{color:var(--wait)}.none{color:var(--soft)}
.mark{display:inline-block;width:1em;font-family:system-ui,sans-serif}
.state{background:var(--panel);border:1px solid var(--line);border-left:6px solid var(--soft);border-radius:4px;
padding:16px 20px}
.state.go{border-left-color:var(--go)}.state.stop{border-left:6px double var(--stop);background:var(--stop-bg)}
.state.wait{border-left:6px dashed var(--wait)}
.state,.state p,.state li{color:var(--ink)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));margin:14px 0 0;
background:var(--panel);border:1px solid var(--line);border-radius:4px;overflow:hidden}
.facts div{padding:10px 14px;box-shadow:1px 0 0 var(--line),0 1px 0 var(--line)}
.facts dt{font-size:13px;color:var(--soft)}
.facts dd{margin:1px 0 0}
.facts dd.v{font-size:17px;font-weight:600}
.facts dd.more{font-size:13px;color:var(--soft)}
table{width:100%;table-layout:fixed;border-collapse:collapse;
background:var(--panel);border:1px solid var(--line);border-radius:4px}
th{font-size:13px;font-weight:500;color:var(--soft);text-align:left;
padding:8px 12px;border-bottom:1px solid var(--line)}
td{padding:7px 12px;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
th{white-space:nowrap}
th.r,td.r{text-align:right}
th:nth-child(1){width:12%}th:nth-child(2){width:27%}th:nth-child(n+3){width:11%}th:nth-child(n+5){width:8%}th:nth-child(5){width:10%}
th:nth-child(8){width:auto}
td.name{font-weight:650}
tr.row-stop td.name{box-shadow:inset 4px 0 0 var(--stop)}
tr.row-wait td.name{box-shadow:inset 4px 0 0 var(--wait)}
tr.row-go td.name{box-shadow:inset 4px 0 0 var(--go)}
.remedies{margin:10px 0 0;display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;font-size:14px}
.remedies dt{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
.remedies dd{margin:0;color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:14px}
figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:12px 14px 10px}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 12px;font-size:14px}
figcaption span{color:var(--soft);font-size:13px}
figure svg{display:block;width:100%;height:84px;margin:8px 0 4px;overflow:visible}
.axis{display:flex;justify-content:space-between;font-size:12px;color:var(--soft)}
.frame{stroke:var(--line)}.limit{stroke:var(--stop);stroke-dasharray:5 4}
.a{stroke:var(--link);fill:none}.b{stroke:var(--wait);fill:none;stroke-dasharray:2 3}
.a,.b{stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.key{display:inline-block;width:22px;height:8px;vertical-align:middle;margin:0 4px 0 0}
figure svg.key{display:inline-block;width:22px;height:8px;margin:0 4px 0 0}
.verdicts{list-style:none;margin:0;padding:0;background:var(--panel);border:1px solid var(--line);border-radius:4px}
.verdicts li{display:grid;grid-template-columns:minmax(220px,2fr) 110px minmax(160px,1.4fr) 100px;gap:2px 16px;
padding:9px 14px;border-bottom:1px solid var(--line)}
.verdicts li:last-child{border-bottom:0}
.verdicts .what{font-weight:600}
.verdicts .when{text-align:right;font-size:13.5px}
.verdicts .why{grid-column:1/-1;font-size:14px;color:var(--soft);padding-left:1.4em}
.story{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:0 40px}
.rules{list-style:none;margin:0;padding:0}
.rules li{padding:3px 0 3px 1.7em;text-indent:-1.7em}
.rules .not{color:var(--soft)}
.rules .failed{font-weight:650}
.rules b{display:inline-block;width:1.7em;text-indent:0}
dl.known{display:grid;grid-template-columns:max-content 1fr;gap:5px 18px;margin:0}
dl.known dt{color:var(--soft)}dl.known dd{margin:0}
pre{background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:12px 14px;margin:0;
white-space:pre-wrap;overflow-wrap:anywhere;max-height:340px;overflow:auto}
input,button{font-size:14px;padding:6px 10px;border:1px solid var(--line);border-radius:4px;background:var(--panel);
color:var(--ink)}
input{width:230px;max-width:100%}
footer{color:var(--soft);font-size:13px;padding-top:28px;padding-bottom:40px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media(max-width:760px){
main,header,footer{padding-left:14px;padding-right:14px}
header form{margin-left:0;width:100%;display:flex;gap:8px}
header input{flex:1;min-width:0;font-size:16px}
h1{font-size:22px}
.facts{grid-template-columns:1fr 1fr}
.story{grid-template-columns:minmax(0,1fr)}
.story>:last-child{order:-1}
table,tbody,tr{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:grid;grid-template-columns:1fr 1fr;gap:2px 14px;padding:10px 14px;border-bottom:1px solid var(--line)}
tbody tr:last-child{border-bottom:0}
tr.row-stop{box-shadow:inset 4px 0 0 var(--stop)}tr.row-wait{box-shadow:inset 4px 0 0 var(--wait)}
tr.row-go{box-shadow:inset 4px 0 0 var(--go)}
td,td.r{display:flex;justify-content:space-between;gap:10px;padding:1px 0;border:0;text-align:right;white-space:normal}
td::before{content:attr(data-label);color:var(--soft);font:13px/1.5 system-ui,sans-serif;text-align:left}
td.name,td.gate{grid-column:1/-1;justify-content:flex-start;text-align:left;box-shadow:none!important}
td::before{white-space:nowrap}
td.name::before,td.gate::before{content:none}
td.wide{grid-column:1/-1}
td.empty{display:none}
.remedies{grid-template-columns:1fr}.remedies dd{margin-bottom:6px}
.verdicts li{grid-template-columns:1fr auto}
.verdicts .what{grid-column:1/-1}
.verdicts .when{grid-column:2;grid-row:2}
.verdicts .plan{grid-column:1/-1}
dl.known{grid-template-columns:1fr}dl.known dd{margin-bottom:6px}
}
@media(prefers-reduced-motion:no-preference){a{transition:color .1s}}
"""
