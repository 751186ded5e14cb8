/* A curve as an SVG picture, without a library: axes with round numbers, the values as a thin line, and a smoothed line on top. */
#ifndef PLOT_H
#define PLOT_H

#include <math.h>
#include <stddef.h>
#include <stdio.h>

struct plot {
    const char *title, *x_label, *y_label;
    const float *values; /* drawn at x = x_step, 2 x_step, 3 x_step ... */
    size_t count;
    double x_step;
    size_t smoothing; /* the smoothed line is a moving average over about so many values */
};

/* The distance between ticks: 1, 2, or 5 times a power of ten, for four to nine ticks up to `largest`. */
static inline double plot_tick(double largest)
{
    double power = pow(10.0, floor(log10(largest / 4.0)));
    double steps = largest / 4.0 / power;
    return power * (steps >= 5.0 ? 5.0 : steps >= 2.0 ? 2.0 : 1.0);
}

/* Writes the picture; answers 0, or -1 if there is nothing finite to draw or the file could not be written whole. */
static inline int plot_write(const struct plot *plot, const char *path)
{
    const double width = 720, height = 420, left = 72, right = 24, top = 48, bottom = 56;
    const double plot_width = width - left - right, plot_height = height - top - bottom;
    double x_largest = plot->x_step * (double)plot->count, y_largest = 0, average = 0, weight = 0, tick, x_tick, y_tick;
    double keep = plot->smoothing > 1 ? 1.0 - 1.0 / (double)plot->smoothing : 0.0;
    FILE *file;
    size_t i;
    int line, failed;

    for (i = 0; i < plot->count; i++)
        if (isfinite(plot->values[i]) && plot->values[i] > y_largest) y_largest = plot->values[i];
    if (!(y_largest > 0 && x_largest > 0) || (file = fopen(path, "w")) == NULL) return -1;
    x_tick = plot_tick(x_largest);
    y_tick = plot_tick(y_largest);
    y_largest = ceil(y_largest / y_tick) * y_tick;

    fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\"", width, height, width, height);
    fprintf(file, " font-family=\"sans-serif\" font-size=\"13\" fill=\"#333\">\n");
    fprintf(file, "<rect width=\"%g\" height=\"%g\" fill=\"#fff\"/>\n", width, height);
    fprintf(file, "<text x=\"%g\" y=\"28\" font-size=\"17\" text-anchor=\"middle\">%s</text>\n", left + plot_width / 2, plot->title);
    fprintf(file, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", left + plot_width / 2, height - 14, plot->x_label);
    fprintf(file, "<text transform=\"translate(20 %g) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", top + plot_height / 2,
            plot->y_label);

    /* Ticks are counted in whole numbers so that the last one is not lost to rounding. */
    for (i = 0; (tick = (double)i * x_tick) <= x_largest * (1 + 1e-9); i++) {
        double x = left + plot_width * tick / x_largest;
        fprintf(file, "<path d=\"M%.1f %.1fv6\" stroke=\"#333\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>\n",
                x, top + plot_height, x, top + plot_height + 21, tick);
    }
    for (i = 0; (tick = (double)i * y_tick) <= y_largest * (1 + 1e-9); i++) {
        double y = top + plot_height * (1 - tick / y_largest);
        fprintf(file, "<path d=\"M%.1f %.1fh%.1f\" stroke=\"#e4e4e4\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                left, y, plot_width, left - 10, y + 4, tick);
    }
    fprintf(file, "<path d=\"M%.1f %.1fv%.1fh%.1f\" fill=\"none\" stroke=\"#333\"/>\n", left, top, plot_height, plot_width);

    for (line = 0; line < 2; line++) { /* the values, then their average */
        fprintf(file, "<polyline fill=\"none\" stroke-linejoin=\"round\" %s points=\"",
                line ? "stroke=\"#1f5fbf\" stroke-width=\"2.2\"" : "stroke=\"#b9d0f0\" stroke-width=\"1\"");
        for (i = 0; i < plot->count; i++) {
            double value = plot->values[i];
            if (!isfinite(value)) continue;
            if (line) { /* an average that forgets exponentially; dividing by the weights removes the bias of its start */
                average = keep * average + (1 - keep) * value;
                weight = keep * weight + (1 - keep);
                value = average / weight;
            }
            fprintf(file, "%.1f,%.1f ", left + plot_width * (double)(i + 1) * plot->x_step / x_largest,
                    top + plot_height * (1 - (value > 0 ? value : 0) / y_largest));
        }
        fprintf(file, "\"/>\n");
    }
    fprintf(file, "</svg>\n");
    failed = ferror(file);
    return fclose(file) != 0 || failed ? -1 : 0;
}

#endif
