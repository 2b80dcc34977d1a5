/**
 * Pictures and charts.
 * @module lrp-native/plot
 */
export { barChart, confusionChart, lineChart, scatterChart, writeChart, type Chart, type Line } from '../plot/chart.js'
export { colourMapNames } from '../plot/colour-maps.js'
export { figure, figureSvg, type FigureOptions, type Panel } from '../plot/figure.js'
export { filterFigure } from '../plot/filters.js'
export { contours, overlay, type Outline } from '../plot/overlay.js'
export {
  animation,
  heatmap,
  imagePicture,
  joinWide,
  pictureToPng,
  type HeatmapOptions,
  type Picture
} from '../plot/picture.js'
