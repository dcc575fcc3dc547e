// The value that so large a share of sorted values does not exceed, with one decimal.
export const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1);
