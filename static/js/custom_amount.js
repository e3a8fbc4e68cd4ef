// Says beside an amount of money how many credits it buys, while it is typed. The next page says so for certain.
const amount = document.querySelector("[data-credits-in]");
const output = document.getElementById(amount.dataset.creditsIn);
const language = document.documentElement.lang;

function show() {
  const steps = Number(amount.value) / Number(amount.step);
  // Within a rounding error of a whole number: 0.30 / 0.01 is 30 to a person.
  const whole = Math.round(steps);
  const isSold = amount.validity.valid && amount.value !== "" && Math.abs(steps - whole) < 1e-6;
  const credits = whole * Number(amount.dataset.creditsPerStep);
  output.value = isSold ? `${credits.toLocaleString(language)} ${output.dataset.unit}` : "";
}

amount.addEventListener("input", show);
show();
