// Fetches the part of the page that changes, again and again, while somebody looks at it; at once
// where it is not there yet.
(function () {
  var live = document.getElementById('live');
  if (live === null) return;
  var shown = '';
  var has = function (mark) {
    return live.querySelector('[data-' + mark + ']') !== null;
  };
  var again = function () {
    if (!has('over')) setTimeout(look, Number(live.dataset.period) * 1000);
  };
  var look = function () {
    if (document.hidden && !has('now')) return again();
    fetch(location.pathname + '?part=1').then(function (answer) {
      if (answer.status === 401) return location.reload();
      if (!answer.ok && !has('now')) return again();
      return answer.text().then(function (text) {
        // What is the same stays, with what is selected in it.
        if (text !== shown) live.innerHTML = shown = text;
        again();
      });
    }).catch(again);
  };
  if (has('now')) look();
  else again();
})();
