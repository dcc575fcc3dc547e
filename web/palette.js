/* palette.js - the colours of the heat map.
 *
 * A ramp runs from "surely absent" to "surely present" through anchors in OKLCH (B. Ottosson,
 * "A perceptual color space for image processing", 2020). Lightness changes at a constant rate
 * from end to end, so that equal steps of probability look like equal steps, also in grey and to
 * eyes that see fewer colours; hue only adds warmth.
 */

const LEVELS = 256;

/* Per theme [chroma, hue in degrees] at equal distances; lightness runs from `from` to `to`. */
const RAMPS = {
  dark: {
    from: 0.215,
    to: 0.94,
    anchors: [
      [0.012, 285],
      [0.075, 310],
      [0.13, 350],
      [0.15, 28],
      [0.135, 62],
      [0.12, 88],
      [0.06, 98],
    ],
  },
  light: {
    from: 0.945,
    to: 0.26,
    anchors: [
      [0.006, 85],
      [0.045, 75],
      [0.1, 55],
      [0.15, 30],
      [0.15, 5],
      [0.125, 340],
      [0.09, 305],
    ],
  },
};

/* OKLab to sRGB bytes, out-of-gamut values clipped. */
function srgb(lightness, a, b) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((value) => {
    const x = Math.min(1, Math.max(0, value));
    return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
  });
}

function lab([chroma, hue]) {
  const angle = (hue * Math.PI) / 180;
  return [chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/* The ramp of a theme ("dark" or anything else: light) as 256 CSS colours. */
export function heatRamp(theme) {
  const { from, to, anchors } = RAMPS[theme === 'dark' ? 'dark' : 'light'];
  const points = anchors.map(lab);
  return Array.from({ length: LEVELS }, (_, level) => {
    const x = level / (LEVELS - 1);
    const place = x * (points.length - 1);
    const left = Math.min(points.length - 2, Math.floor(place));
    const mix = place - left;
    const [a, b] = [0, 1].map((k) => points[left][k] * (1 - mix) + points[left + 1][k] * mix);
    const [red, green, blue] = srgb(from + (to - from) * x, a, b);
    return `rgb(${red}, ${green}, ${blue})`;
  });
}

/* The colour of a probability; anything that is no number counts as 0. */
export function heatColour(ramp, probability) {
  const clamped = Math.min(1, Math.max(0, probability || 0));
  return ramp[Math.round(clamped * (ramp.length - 1))];
}
