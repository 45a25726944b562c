// Fetches the part of the page that changes, again and again, while somebody looks at it.
(function () {
  var live = document.getElementById('live');
  if (live === null) return;
  var shown = '';
  var again = function () {
    if (live.querySelector('[data-over]') === null) setTimeout(look, Number(live.dataset.period) * 1000);
  };
  var look = function () {
    if (document.hidden) return again();
    fetch(location.pathname + '?part=1').then(function (answer) {
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return again();
      return answer.text().then(function (text) {
        // What is the same stays, with what is selected in it.
        if (text !== shown) live.innerHTML = shown = text;
        again();
      });
    }).catch(again);
  };
  again();
})();
