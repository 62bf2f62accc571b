for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const numeric = head.classList.contains("number");
      const value = text => text === "inf" ? Infinity : text === "nan" ? -Infinity : Number(text);
      const order = (a, b) => {
        if (!numeric) return key(a).localeCompare(key(b));
        const [x, y] = [value(key(a)), value(key(b))];
        return x === y ? 0 : x < y ? -1 : 1;
      };
      const rows = [...body.rows].sort(order);
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
