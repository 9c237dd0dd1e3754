extension Page {
  /// What the policy of `headers` allows of style sheets; a test holds it against `style`.
  static let styleDigest = "sha256-Wd/oJoqX0m4hXvYJfzODC6gu92XM8WlOYwTw3l8ppfM="

  /// The one style sheet. Each colour of a text has a contrast of 4.5 and more to what is behind it, light and dark.
  static let style: HTML = """
    :root{color-scheme:light dark;--page:#f7f8f8;--panel:#fff;--sunk:#f1f3f4;--ink:#1c2024;--soft:#57606a;--line:#dde1e4;
    --link:#1d5ba6;--good:#17683d;--note:#825000;--bad:#b0261b;--goodly:#e6f4ec;--notely:#fbf1dc;--badly:#fceceb}
    @media (prefers-color-scheme:dark){:root{--page:#121517;--panel:#1a1e21;--sunk:#22272b;--ink:#e5e8ea;--soft:#a2abb3;
    --line:#30373c;--link:#8dbdf4;--good:#74cf9c;--note:#e9b765;--bad:#ff9c92;--goodly:#18301f;--notely:#352a12;--badly:#3c1e1c}}
    *{box-sizing:border-box}
    html{background:var(--page);color:var(--ink);font:100%/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
    font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%;text-size-adjust:100%}
    body{margin:0 auto;max-width:62rem;padding:0 1.25rem;overflow-wrap:anywhere}
    code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em}
    a{color:var(--link);text-underline-offset:.15em;text-decoration-thickness:.06em}
    a:hover{text-decoration-thickness:.12em}
    :focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
    main:focus{outline:none}
    h1,h2,h3,p,ul,ol,dl,dd,figure,pre{margin:0}
    ul,ol{padding:0;list-style:none}
    h1{font-size:1.5rem;line-height:1.25;font-weight:600;letter-spacing:-.01em;text-wrap:balance}
    h1 code{font-size:.85em;font-weight:600}
    h2{font-size:1rem;font-weight:600;margin:2.25rem 0 .625rem}
    h3{font-size:1rem;font-weight:600}
    .skip{position:absolute;left:-99rem;top:0;background:var(--panel);padding:.75rem 1rem;z-index:1}
    .skip:focus{left:.5rem;top:.5rem}
    .quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
    header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;justify-content:space-between;
    padding:1rem 0 .75rem;border-bottom:1px solid var(--line)}
    .name a{font-weight:700;color:inherit;text-decoration:none}
    .name span{color:var(--soft);margin-left:.375rem}
    nav ul{display:flex;gap:1.25rem}
    nav a{color:var(--soft);text-decoration:none;padding:.375rem 0}
    nav a:hover{color:var(--ink);text-decoration:underline}
    nav a[aria-current]{color:var(--ink);font-weight:600;border-bottom:2px solid currentColor}
    .state{display:grid;grid-template-columns:auto 1fr;gap:0 .875rem;padding:1.75rem 0 0}
    .state p:not(#stale){color:var(--soft);margin-top:.375rem}
    .state>.mark{width:2rem;height:2rem;border-radius:50%;display:grid;place-items:center;font-weight:700;
    background:var(--sunk);color:var(--soft)}
    .state.good>.mark{background:var(--goodly);color:var(--good)}
    .state.note>.mark{background:var(--notely);color:var(--note);border-radius:.375rem}
    .state.bad>.mark{background:var(--badly);color:var(--bad);border-radius:.375rem}
    #stale{position:fixed;inset:auto 1rem 1rem;max-width:34rem;margin:0 auto;padding:.75rem 1rem;border-radius:.375rem;
    color:var(--bad);background:var(--badly);border:1px solid;font-weight:600}
    .notices{margin-top:1.5rem;display:grid;gap:.75rem}
    .notice{border-left:4px solid var(--note);background:var(--notely);padding:.75rem 1rem;border-radius:0 .375rem .375rem 0}
    .notice.bad{border-color:var(--bad);background:var(--badly)}
    .notice h2{margin:0 0 .125rem}
    .notice h2 span{display:inline-block;min-width:.75rem}
    .text{white-space:pre-wrap}
    main>.empty{margin-top:1rem}
    .troubles p:not(.error) code{display:inline-block}
    .empty,.age,.why,dt,footer,figcaption{color:var(--soft)}
    .list{border:1px solid var(--line);border-radius:.5rem;background:var(--panel);overflow:hidden}
    article{padding:.875rem 1.125rem;border-left:4px solid transparent;scroll-margin-top:1rem}
    article+article{border-top:1px solid var(--line)}
    article.bad{border-left-color:var(--bad)}
    article.note{border-left-color:var(--note)}
    article:target{background:var(--sunk)}
    article>*+*{margin-top:.375rem}
    .top{display:flex;gap:.25rem 1rem;justify-content:space-between;align-items:baseline}
    .word{color:var(--soft);white-space:nowrap}
    .word.good{color:var(--good)}.word.note{color:var(--note)}.word.bad{color:var(--bad);font-weight:600}
    .word>span{font-weight:700}
    .runs .word>span{display:inline-block;width:1rem;text-align:center}
    .foot{display:flex;flex-wrap:wrap;gap:.125rem 1.5rem;align-items:baseline}
    .foot details[open]{flex-basis:100%}
    .commit code{color:var(--soft)}
    .commit .age{white-space:nowrap}.commit .age::before{content:"· "}
    .troubles{background:var(--sunk);border-radius:.375rem;padding:.625rem .875rem;display:grid;gap:.375rem}
    .troubles.bad{background:var(--badly)}.troubles.note{background:var(--notely)}
    .troubles ul,.reasons{padding-left:1.125rem;list-style:disc}
    .error{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em}
    .facts{display:flex;flex-wrap:wrap;gap:.125rem 1.5rem}
    .facts div{display:flex;gap:.5rem}
    .facts.wide{margin-top:1rem}
    details>summary{cursor:pointer;color:var(--soft);width:fit-content}
    details>summary:hover{color:var(--ink)}
    table{border-collapse:collapse;width:100%;margin-top:.375rem}
    th,td{text-align:left;vertical-align:top;padding:.3125rem .75rem .3125rem 0;border-top:1px solid var(--line);font-weight:400}
    thead th{border-top:0;color:var(--soft);font-size:.875rem;overflow-wrap:normal}
    th[scope=row]{width:60%}
    td{overflow-wrap:normal}td .word{white-space:normal}
    .why{display:block;font-size:.875rem}
    .runs,.findings,.links{border:1px solid var(--line);border-radius:.5rem;background:var(--panel)}
    .runs li,.findings li,.links li{padding:.5625rem 1.125rem}
    li+li{border-top:1px solid var(--line)}
    nav li+li,.troubles li+li,.reasons li+li,.names li+li{border:0}
    .runs li{display:grid;grid-template-columns:8rem 1fr;gap:0 1rem}
    .runs a{text-decoration-color:var(--line)}
    .detail{display:block}
    .links li{display:grid;grid-template-columns:5rem 1fr;gap:0 .75rem}
    .action{color:var(--soft)}
    .findings li{border-left:4px solid transparent}
    .findings li.bad{border-left-color:var(--bad)}.findings li.note{border-left-color:var(--note)}
    .help{color:var(--soft);margin-top:.25rem}.help strong{font-weight:600}
    .names{display:flex;flex-wrap:wrap;gap:.125rem 1.25rem}
    #unchanged,#kept{margin-top:.75rem}
    #kept .links{margin-top:.5rem}
    pre{white-space:pre-wrap;background:var(--sunk);border-radius:.375rem;padding:.625rem .875rem;margin-top:.25rem}
    .file{border:1px solid var(--line);border-radius:.5rem;background:var(--panel)}
    .file+.file{margin-top:.75rem}
    .file summary{padding:.5rem 1rem;width:auto}.file summary code{color:var(--ink);font-weight:600;margin-right:.375rem}.file .age{display:inline-block}
    .file pre{margin:0;padding:.375rem 0;border-radius:0 0 .5rem .5rem;background:none;border-top:1px solid var(--line)}
    .file pre>*{display:block;padding:0 1rem 0 2.125rem;text-indent:-1.125rem;text-decoration:none}
    ins{background:var(--goodly);color:var(--good)}del{background:var(--badly);color:var(--bad)}.hunk{color:var(--soft)}
    footer{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;justify-content:space-between;border-top:1px solid var(--line);
    margin-top:2.5rem;padding:1rem 0 2rem;font-size:.875rem}
    @media (max-width:36rem){body{padding:0 1rem}h1{font-size:1.25rem}.state{padding-top:1.25rem}
    article,.runs li,.findings li,.links li{padding-left:.875rem;padding-right:.875rem}
    .runs li,.links li{grid-template-columns:1fr}.facts.wide{display:grid}th[scope=row]{width:45%}}
    @media (forced-colors:active){.word,.state>.mark{border:1px solid}}
    """
}
