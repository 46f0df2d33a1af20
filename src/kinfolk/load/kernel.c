/* Views of square images in one pass each: an image is resampled, coloured and clipped while it lies in the cache.
 *
 * Four rows of a view are made together. First the rows of the image that they look at are summed: for each column of
 * the image, one pixel of each of the four. Then each column of the view is a weighted sum of few of these columns, and
 * its colours are mixed. A pixel is a vector of red, green, blue and nothing, which every processor has registers for.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && __GNUC__ >= 12
#define FOR_EACH_PROCESSOR __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define FOR_EACH_PROCESSOR
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pixels are packed from the lowest byte on"
#endif

typedef float pixel __attribute__((vector_size(16)));
typedef int32_t mask __attribute__((vector_size(16)));

#if defined(__clang__)
#define ALL(p, c) __builtin_shufflevector(p, p, c, c, c, c)
#else
#define ALL(p, c) __builtin_shuffle(p, (mask){c, c, c, c})
#endif

enum { ROWS = 4 };

/* Of one axis, for each view: the box that is resampled, its numbers `apart` from the next view's, or null for all of
 * the image as it is, and the share of the reversed view, or null; rows are never reversed. */
typedef struct {
    const float *centre, *extent, *share;
    int64_t apart;
} axis;

typedef struct {
    const uint8_t *const *batches; /* count / batch of them, each batch x (3 x side x side) */
    axis rows, columns;
    const float *matrix; /* count x 3 x 7, of pixel, mean and 1, all from 0 to 1; null leaves the colours */
    float *views;        /* count x size x size x 3 */
    float scale, low, high;
    int64_t count, batch, side, size, next, failed;
} job;

/* The taps of one axis of a view, used x size: which pixels of the image, from `first` to before `end`, and how much of
 * each. */
typedef struct {
    int32_t *at;
    float *weight;
    int64_t used, first, end;
} taps;

static const uint8_t *image(const job *j, int64_t v) {
    return j->batches[v / j->batch] + v % j->batch * 3 * j->side * j->side;
}

static int64_t rounded(int64_t n) { return (n + 15) / 16 * 16; }

/* How many pixels of an image an output pixel looks at, at most. */
static int64_t reach(int64_t side, int64_t size) { return side > size ? (2 * side + size - 1) / size : 2; }

/* As many rows as an output row looks at have places of their own by their last bits. */
static int64_t ring_of(int64_t side, int64_t size) {
    int64_t ring = 1;
    while (ring < reach(side, size)) ring *= 2;
    return ring;
}

/* The taps of one axis of view v, by the formula of `triangle` in sampling.py. `scratch` is (reach + 3) x size. */
FOR_EACH_PROCESSOR static void gather(const axis *a, int64_t v, int64_t side, int64_t size, float *scratch, taps *to) {
    const int64_t most = reach(side, size);
    const float share = a->share ? a->share[v] : 0;
    const float centre = a->centre ? a->centre[v * a->apart] : 0, extent = a->centre ? a->extent[v * a->apart] : 1;
    const float across = (extent > 1 ? 1 : extent) * ((float)side / size), support = across < 1 ? 1 : across;
    float *const restrict first = scratch, *const restrict behind = scratch + size;
    float *const restrict total = scratch + 2 * size, *const restrict weight = scratch + 3 * size;
    for (int64_t x = 0; x < size; x++) {
        const float place = a->centre ? (centre + extent * ((x + 0.5f) / size - 0.5f)) * side : x + 0.5f;
        const float low = place < 0 ? 0 : place, middle = low > side ? side : low;
        first[x] = floorf(middle - support + 0.5f);
        behind[x] = middle - 0.5f - first[x];
        total[x] = 0;
    }
    for (int64_t t = 0; t < most; t++)
        for (int64_t x = 0; x < size; x++) {
            const float slope = 1 - fabsf(behind[x] - t) / support, above = slope < 0 ? 0 : slope;
            const float inside = first[x] + t < 0 ? 0 : above;
            weight[t * size + x] = first[x] + t >= side ? 0 : inside;
            total[x] += weight[t * size + x];
        }
    for (int64_t x = 0; x < size; x++) total[x] = 1 / total[x];
    int32_t least = side - 1, last = 0;
    to->used = 0;
    for (int reversed = 0; reversed < 2; reversed++) {
        const float part = reversed ? share : 1 - share;
        for (int64_t t = 0; part != 0 && t < most; t++) {
            int32_t *const restrict at = to->at + to->used * size;
            float *const restrict by = to->weight + to->used++ * size;
            for (int64_t x = 0; x < size; x++) {
                const int64_t from = reversed ? size - 1 - x : x;
                const float p = first[from] + t, low = p > 0 ? p : 0;
                at[x] = low < side ? low : side - 1;
                by[x] = part * total[from] * weight[t * size + from];
                least = at[x] < least ? at[x] : least;
                last = at[x] > last ? at[x] : last;
            }
        }
    }
    to->first = least, to->end = last + 1;
}

/* One row of an image of planes, as floats: red, green, blue and nothing of each column. */
FOR_EACH_PROCESSOR static void convert(const uint8_t *restrict image, int64_t side, int64_t left, int64_t right,
                                       uint32_t *restrict packed, float *restrict to) {
    const uint8_t *const green = image + side * side, *const blue = green + side * side;
    for (int64_t x = left; x < right; x++) packed[x] = image[x] | (uint32_t)green[x] << 8 | (uint32_t)blue[x] << 16;
    const uint8_t *const from = (const uint8_t *)packed;
    for (int64_t x = 4 * left; x < 4 * right; x++) to[x] = from[x];
}

FOR_EACH_PROCESSOR static void clip(float *restrict values, int64_t count, float low, float high) {
    for (int64_t i = 0; i < count; i++) {
        const float above = values[i] < low ? low : values[i];
        values[i] = above > high ? high : above;
    }
}

/* The view from its taps and a 3 x 4 matrix of colours. */
FOR_EACH_PROCESSOR static void view(const job *j, int64_t v, const taps *rows, const taps *columns, const float *m,
                                    pixel *scratch) {
    const int64_t side = j->side, size = j->size, length = rounded(side);
    const int64_t left = columns->first / 16 * 16, end = rounded(columns->end), right = end < side ? end : side;
    const int64_t ring = ring_of(side, size);
    pixel(*const restrict summed)[ROWS] = (pixel(*)[ROWS])scratch;
    pixel *const beyond = scratch + ROWS * length, *const kept = beyond + length + size;
    int64_t held[ring];
    for (int64_t i = 0; i < ring; i++) held[i] = -1;
    const uint8_t *const from = image(j, v);
    const pixel red = {m[0], m[4], m[8]}, green = {m[1], m[5], m[9]}, blue = {m[2], m[6], m[10]};
    const pixel offset = {m[3], m[7], m[11]};
    for (int64_t y = 0; y < size; y += ROWS) {
        float *out[ROWS];
        for (int64_t r = 0; r < ROWS; r++) {
            const int64_t row = y + r < size ? y + r : size - 1;
            out[r] = y + r < size ? j->views + (v * size + row) * size * 3 : (float *)beyond;
            for (int64_t t = row; t < rows->used * size; t += size) {
                const int64_t p = rows->at[t], place = p & (ring - 1);
                if (held[place] == p) continue;
                convert(from + p * side, side, left, right, (uint32_t *)beyond, (float *)(kept + place * length));
                held[place] = p;
            }
            for (int64_t t = row; t < rows->used * size; t += 2 * size) {
                const int64_t next = t + size < rows->used * size ? t + size : t;
                const pixel *const one = kept + (rows->at[t] & (ring - 1)) * length;
                const pixel *const other = kept + (rows->at[next] & (ring - 1)) * length;
                const float a = rows->weight[t], b = next == t ? 0 : rows->weight[next];
                if (t == row)
                    for (int64_t x = left; x < right; x++) summed[x][r] = a * one[x] + b * other[x];
                else
                    for (int64_t x = left; x < right; x++) summed[x][r] += a * one[x] + b * other[x];
            }
        }
        for (int64_t x = 0; x < size; x++) {
            pixel p[ROWS];
            for (int r = 0; r < ROWS; r++) p[r] = columns->weight[x] * summed[columns->at[x]][r];
            for (int64_t t = size + x; t < columns->used * size; t += size)
                for (int r = 0; r < ROWS; r++) p[r] += columns->weight[t] * summed[columns->at[t]][r];
            for (int r = 0; r < ROWS; r++) {
                p[r] = offset + red * ALL(p[r], 0) + green * ALL(p[r], 1) + blue * ALL(p[r], 2);
                /* Sixteen bytes are one store; the next pixel overwrites the last four, so not beyond the last pixel. */
                if (x + 1 < size)
                    memcpy(out[r] + 3 * x, &p[r], 16);
                else
                    memcpy(out[r] + 3 * x, &p[r], 12);
            }
        }
        for (int r = 0; r < ROWS; r++) clip(out[r], 3 * size, j->low, j->high);
    }
}

/* The mean colour of view v, from how much each row and each column of its image counts. */
FOR_EACH_PROCESSOR static void mean(const job *j, int64_t v, const taps *rows, const taps *columns, float *means,
                                    float *scratch) {
    const int64_t side = j->side, left = columns->first / 32 * 32, end = (columns->end + 31) / 32 * 32;
    const int64_t right = end < side ? end : side;
    const float share = 1.0f / j->size;
    float *const row = scratch, *const column = scratch + side;
    const uint8_t *const planes = image(j, v);
    memset(scratch, 0, 5 * side * sizeof(float));
    for (int64_t i = 0; i < rows->used * j->size; i++) row[rows->at[i]] += rows->weight[i] * share;
    for (int64_t i = 0; i < columns->used * j->size; i++) column[columns->at[i]] += columns->weight[i] * share;
    for (int c = 0; c < 3; c++) {
        float *const restrict sum = scratch + (2 + c) * side;
        for (int64_t y = rows->first; y < rows->end; y++) {
            const uint8_t *const restrict pixels = planes + (c * side + y) * side;
            const float weight = row[y];
            for (int64_t x = left; x < right; x++) sum[x] += weight * pixels[x];
        }
        float total = 0;
        for (int64_t x = left; x < right; x++) total += column[x] * sum[x];
        means[c] = total;
    }
}

/* The 3 x 4 matrix of view v that takes pixels as they are stored to what lies between low and high. */
static void mix(const job *j, int64_t v, const taps *rows, const taps *columns, float *to, float *scratch) {
    static const float same[21] = {[0] = 1, [8] = 1, [16] = 1};
    const float range = j->high - j->low, *const m = j->matrix ? j->matrix + 21 * v : same;
    float means[3] = {0, 0, 0};
    int averages = 0;
    for (int c = 0; c < 3; c++)
        for (int i = 3; i < 6; i++) averages |= m[7 * c + i] != 0;
    if (averages) mean(j, v, rows, columns, means, scratch);
    for (int c = 0; c < 3; c++) {
        const float *const row = m + 7 * c;
        float offset = row[6];
        for (int i = 0; i < 3; i++) {
            to[4 * c + i] = range * j->scale * row[i];
            if (averages) offset += row[3 + i] * j->scale * means[i];
        }
        to[4 * c + 3] = range * offset + j->low;
    }
}

static void work(void *data) {
    job *const j = data;
    const int64_t size = rounded(j->size), most = reach(j->side, j->size), floats = (9 * most + 3) * size;
    const int64_t pixels = rounded(j->side) * (ROWS + 1 + ring_of(j->side, j->size)) + size;
    float *const made = aligned_alloc(64, floats * sizeof(float) + pixels * sizeof(pixel));
    if (!made) {
        __atomic_store_n(&j->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    float *const weights = made + 4 * most * size, *const own = weights + 4 * most * size;
    taps rows = {.at = (int32_t *)made, .weight = weights};
    taps columns = {.at = rows.at + 2 * most * size, .weight = weights + 2 * most * size};
    float *const scratch = made + floats;
    const int64_t few = j->count / 64, step = few < 1 ? 1 : few > 8 ? 8 : few;
    for (int64_t from; (from = __atomic_fetch_add(&j->next, step, __ATOMIC_RELAXED)) < j->count;)
        for (int64_t v = from; v < from + step && v < j->count; v++) {
            gather(&j->rows, v, j->side, j->size, own, &rows);
            gather(&j->columns, v, j->side, j->size, own, &columns);
            float matrix[12];
            mix(j, v, &rows, &columns, matrix, scratch);
            view(j, v, &rows, &columns, matrix, (pixel *)scratch);
        }
    free(made);
}

/* For who calls to know that it means the same job. */
const int64_t kinfolk_job = sizeof(job);

/* The views, by `threads` of torch's own threads. Returns 0, or 1 where memory is short. */
int kinfolk_run(job *j, void (*parallel)(void (*)(void *), void *, unsigned, unsigned), unsigned threads) {
    j->next = j->failed = 0;
    parallel(work, j, threads, 0);
    return (int)j->failed;
}
