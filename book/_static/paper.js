// Paper is white, and browsers print no backgrounds: a page that is read in the dark is printed in its light colours.
{
  const root = document.documentElement;
  let read;
  addEventListener("beforeprint", () => {
    read = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = read;
  });
}
