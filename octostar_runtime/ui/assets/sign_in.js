// On the sign-in page: remember which page was wanted, and go on there once somebody is signed in.
const PLACE = "octostar-next";

function wanted() {
  try {
    const kept = sessionStorage.getItem(PLACE);
    sessionStorage.removeItem(PLACE);
    return kept;
  } catch {
    return null; // storage is switched off: the start page then
  }
}

function remember(address) {
  try {
    sessionStorage.setItem(PLACE, address);
  } catch {
    // as above
  }
}

export default function ({ data }) {
  const here = location.pathname + location.search;
  const sign = (query) => `./api/sign-in?${new URLSearchParams(query)}`;
  if (data.link) {
    location.replace(sign({ link: data.link, next: wanted() ?? here }));
    return;
  }
  remember(here);
  for (const link of document.querySelectorAll("a[data-next]")) link.setAttribute("href", sign({ next: here }));
}
