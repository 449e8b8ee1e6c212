// What a search shows of a page is a part of its article. Without this the words of the page's buttons stand before it.
addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return; // this page is not the one that lists what was found
  Search.htmlToText = (page, anchor) => {
    const article = new DOMParser().parseFromString(page, "text/html").querySelector("article");
    const part = (anchor && article.querySelector(anchor)) || article;
    for (const one of part.querySelectorAll(".headerlink, script, style")) one.remove();
    return part.textContent.replace(/\\[()[\]]/g, ""); // the brackets of formulas that are not set
  };
});
