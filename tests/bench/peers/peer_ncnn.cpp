/* The network with ncnn, in float or with its 8-bit integers.
 *
 *   peer_ncnn MODEL WINDOWS float|int8
 *
 * int8: convolutions and 1x1 layers in ncnn's way, symmetric activations with a scale for each
 * layer's input (from the range that the model file has for it), weights with a scale per output.
 * From one of them directly to the next it stays in bytes; sums with a residual, squeeze and
 * excitation and the head are in float. */
#include "tests/bench/peers/peer.h"

extern "C" {
#include "nn/half.h"
#include "nn/model_layers.h"
#include "nn/step_pool.h"
}

#include <ncnn/cpu.h>
#include <ncnn/datareader.h>
#include <ncnn/net.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace
{

/* The text and the weights of a network in ncnn's own format. */
class Builder
{
  public:
    explicit Builder(bool int8) : int8(int8)
    {
    }

    std::vector<float> weights;

    std::string text() const
    {
        return "7767517\n" + std::to_string(layers) + " " + std::to_string(blobs) + "\n" + lines;
    }

    /* One layer with one output, which gets the layer's name. */
    void layer(const std::string &type, const std::string &name,
               const std::vector<std::string> &inputs, const std::string &parameters)
    {
        lines += type + " " + name + " " + std::to_string(inputs.size()) + " 1";
        for (const std::string &input : inputs)
            lines += " " + input;
        lines += " " + name + " " + parameters + "\n";
        layers++;
        blobs++;
    }

    /* What several layers read has to be split: into name_0, name_1, ... */
    void split(const std::string &name, unsigned count)
    {
        lines += "Split " + name + "_split 1 " + std::to_string(count) + " " + name;
        for (unsigned i = 0; i < count; i++)
            lines += " " + name + "_" + std::to_string(i);
        lines += "\n";
        layers++;
        blobs += count;
    }

    /* conv, depthwise, pointwise. to_bytes: the next layer is one, too, and reads bytes. */
    void convolution(const model_layer &l, quantization from, bool to_bytes,
                     const std::string &name, const std::string &input)
    {
        const bool depthwise = l.kind == LAYER_DEPTHWISE;
        const bool window = depthwise || l.kind == LAYER_CONV;
        char parameters[300];
        snprintf(parameters, sizeof parameters,
                 "0=%zu 1=%u 11=%u 3=%u 13=%u 4=%u 14=%u 5=1 6=%zu%s 8=%d%s", l.weights.outputs,
                 window ? l.kernel[1] : 1, window ? l.kernel[0] : 1, window ? l.stride[1] : 1,
                 window ? l.stride[0] : 1, window ? l.padding[1] : 0, window ? l.padding[0] : 0,
                 l.weights.outputs * l.weights.depth,
                 depthwise ? (" 7=" + std::to_string(l.in.channels)).c_str() : "",
                 int8 ? (depthwise ? 1 : 2) + (to_bytes ? 100 : 0) : 0, activation(l.activation));
        layer(depthwise ? "ConvolutionDepthWise" : "Convolution", name, {input}, parameters);
        add_weights(l.weights, window ? l.kernel[0] * l.kernel[1] : 1,
                    depthwise ? 1 : l.in.channels);
        if (!int8)
            return;
        for (size_t i = 0; i < l.weights.outputs; i++)
            weights.push_back(l.weights.scale[i] > 0 ? 1 / l.weights.scale[i] : 1);
        weights.push_back(symmetric(from));
        if (to_bytes)
            weights.push_back(symmetric(l.output));
    }

    /* A matrix on one position, or (two of them, one after the other) on a row of positions. */
    void product(const layer_weights &w, const layer_weights *second, const std::string &type,
                 const std::string &name, const std::string &input, const char *act)
    {
        const size_t outputs = w.outputs * (second != nullptr ? 2 : 1);
        char parameters[200];
        snprintf(parameters, sizeof parameters,
                 type == "Convolution" ? "0=%zu 1=1 5=1 6=%zu%s" : "0=%zu 1=1 2=%zu%s", outputs,
                 outputs * w.depth, act);
        layer(type, name, {input}, parameters);
        weights.push_back(0); /* the weights are floats */
        add_matrix(w, 1, w.depth);
        if (second != nullptr)
            add_matrix(*second, 1, w.depth);
        weights.insert(weights.end(), w.float_bias, w.float_bias + w.outputs);
        if (second != nullptr)
            weights.insert(weights.end(), second->float_bias, second->float_bias + w.outputs);
    }

  private:
    const bool int8;
    std::string lines;
    size_t layers = 0, blobs = 0;

    /* ncnn's scale, bytes for one, of what the model file quantizes with a zero. */
    static float symmetric(quantization q)
    {
        return 127 / (q.scale * (float)std::max(q.zero, 255 - q.zero));
    }

    static const char *activation(enum activation which)
    {
        if (which == ACTIVATION_RELU)
            return " 9=1";
        return which == ACTIVATION_HARDSWISH ? " 9=6 -23310=2,0.16666667,0.5" : "";
    }

    /* From [output][tap][input] to [output][input][tap]. */
    void add_matrix(const layer_weights &w, size_t taps, size_t inputs)
    {
        for (size_t o = 0; o < w.outputs; o++) {
            for (size_t i = 0; i < inputs; i++) {
                for (size_t tap = 0; tap < taps; tap++) {
                    const size_t at = o * w.depth + tap * inputs + i;
                    weights.push_back(half_to_float(w.float_weight + 2 * at));
                }
            }
        }
    }

    void add_weights(const layer_weights &w, size_t taps, size_t inputs)
    {
        weights.push_back(0); /* the weights are floats */
        add_matrix(w, taps, inputs);
        weights.insert(weights.end(), w.float_bias, w.float_bias + w.outputs);
    }
};

/* Returns the blob's name. */
std::string add_layer(Builder &b, const model_layer &l, quantization from, bool to_bytes,
                      const std::string &input, const std::string &residual)
{
    const std::string name = l.name;
    switch (l.kind) {
    case LAYER_CONV:
    case LAYER_DEPTHWISE:
        b.convolution(l, from, to_bytes, name, input);
        return name;
    case LAYER_POINTWISE:
        b.convolution(l, from, to_bytes, name, input);
        if (residual.empty())
            return name;
        b.layer("BinaryOp", name + ".sum", {name, residual}, "0=0");
        return name + ".sum";
    case LAYER_SQUEEZE_EXCITE:
        b.split(input, 2);
        b.layer("Pooling", name + ".mean", {input + "_0"}, "0=1 4=1");
        b.product(l.weights, nullptr, "InnerProduct", name + ".reduce", name + ".mean", " 9=1");
        b.product(l.expand, nullptr, "InnerProduct", name + ".expand", name + ".reduce", " 9=4");
        b.layer("BinaryOp", name, {input + "_1", name + ".expand"}, "0=2");
        return name;
    case LAYER_TIME_STEPS: { /* as [channels][1][steps and the mean of them] */
        const std::string channels = std::to_string(l.in.channels);
        b.layer("Reduction", name + ".steps", {input}, "0=3 1=0 -23303=1,2 4=0 5=1");
        b.split(name + ".steps", 2);
        b.layer("Reduction", name + ".mean", {name + ".steps_0"}, "0=3 1=0 -23303=1,1 4=1 5=1");
        b.layer("Concat", name + ".rows", {name + ".steps_1", name + ".mean"}, "0=1");
        b.layer("Reshape", name, {name + ".rows"},
                "0=" + std::to_string(l.in.time + 1) + " 1=1 2=" + channels);
        return name;
    }
    case LAYER_ATTENTION:
        b.product(l.weights, &l.expand, "Convolution", name, input, "");
        return name;
    case LAYER_MEAN:
    case LAYER_LINEAR:
        break;
    }
    fprintf(stderr, "only for models that end in an attention\n");
    exit(PEER_ABSENT);
}

bool is_convolution(const model_layer &l)
{
    return l.kind == LAYER_CONV || l.kind == LAYER_DEPTHWISE || l.kind == LAYER_POINTWISE;
}

bool is_residual(const struct model_graph &graph, size_t index)
{
    for (size_t later = index + 1; later < graph.count; later++) {
        if (graph.layers[later].residual == (int)index)
            return true;
    }
    return false;
}

void build(Builder &b, const struct model_graph &graph)
{
    std::vector<std::string> outputs; /* as a residual reads them */
    b.layer("Input", "columns", {}, "");
    std::string blob = "columns";
    for (size_t i = 0; i < graph.count; i++) {
        const model_layer &l = graph.layers[i];
        const bool read_later = is_residual(graph, i);
        const bool to_bytes = !read_later && l.residual < 0 && i + 1 < graph.count &&
                              is_convolution(graph.layers[i + 1]);
        blob = add_layer(b, l, model_graph_input(&graph, i), to_bytes, blob,
                         l.residual >= 0 ? outputs[l.residual] : "");
        outputs.push_back(blob + "_1");
        if (read_later) {
            b.split(blob, 2);
            blob += "_0";
        }
    }
}

struct network {
    ncnn::Net net;
    const model_layer *last;
    model_shape in;
    std::vector<float> head; /* [rows][values] */
};

void run(void *context, const float *columns, float *logits)
{
    network &n = *static_cast<network *>(context);
    ncnn::Mat in((int)n.in.frequency, (int)n.in.time, 1, const_cast<float *>(columns)), out;
    ncnn::Extractor extractor = n.net.create_extractor();
    extractor.input("columns", in);
    extractor.extract(n.last->name, out);
    const size_t rows = n.last->in.time, values = 2 * n.last->weights.outputs;
    float *head = n.head.data();
    for (size_t value = 0; value < values; value++) {
        for (size_t row = 0; row < rows; row++)
            head[row * values + value] = out.channel((int)value)[row];
    }
    step_pool(head, head + values / 2, rows, values, n.last->gate, values / 2, logits);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "peer_ncnn MODEL WINDOWS float|int8\n");
        return 2;
    }
    const bool int8 = strcmp(argv[3], "int8") == 0;
    const struct model *model = peer_open(argv[1]);
    const struct model_graph *graph = model_graph(model);
    Builder builder(int8);
    build(builder, *graph);

    network n;
    n.last = &graph->layers[graph->count - 1];
    n.in = graph->layers[0].in;
    n.head.resize((size_t)n.last->in.time * 2 * n.last->weights.outputs);
    n.net.opt.num_threads = 1;
    n.net.opt.use_int8_inference = int8;
    ncnn::set_omp_num_threads(1);
    const unsigned char *bytes = reinterpret_cast<const unsigned char *>(builder.weights.data());
    ncnn::DataReaderFromMemory reader(bytes);
    if (n.net.load_param_mem(builder.text().c_str()) != 0 || n.net.load_model(reader) != 0) {
        fprintf(stderr, "ncnn does not take the network\n");
        return 1;
    }
    const struct peer peer = {int8 ? "ncnn int8" : "ncnn float", run, &n, 1};
    return peer_serve(&peer, model, argv[2]);
}
