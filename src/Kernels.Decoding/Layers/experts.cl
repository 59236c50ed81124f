// The mixture of experts around its linear layers.

// As the enum ExpertScore.
#define SOFTMAX 0
#define BIASED_SIGMOID 1

static float sigmoid(float x)
{
    return 1.0f / (1.0f + exp(-x));
}

// What experts are chosen by: the logit, whose order is that of its softmax, or the biased sigmoid.
static float choice(global const float *logits, global const float *bias, int kind, int expert)
{
    return kind == SOFTMAX ? logits[expert] : sigmoid(logits[expert]) + bias[expert];
}

// The groups with the best experts, as bits: by the best one, or by the sum of the best two.
static ulong choose_groups(global const float *logits, global const float *bias, int kind, int experts, int groups, int count)
{
    ulong chosen = 0;
    int size = experts / groups;
    for (int taken = 0; taken < count; taken++)
    {
        float best = -INFINITY;
        int best_group = -1;
        for (int group = 0; group < groups; group++)
        {
            if (((chosen >> group) & 1) != 0)
            {
                continue;
            }

            float first = -INFINITY;
            float second = -INFINITY;
            for (int expert = group * size; expert < (group + 1) * size; expert++)
            {
                float value = choice(logits, bias, kind, expert);
                second = fmax(second, fmin(first, value));
                first = fmax(first, value);
            }

            float score = kind == SOFTMAX ? first : first + second;
            if (best_group < 0 || score > best)
            {
                best = score;
                best_group = group;
            }
        }

        chosen |= (ulong)1 << best_group;
    }

    return chosen;
}

// For each token the best experts of its best groups, best first, and their weights. One work-item a token.
kernel void choose_experts(
    global const float *restrict logits, // [tokens, experts]
    global const float *restrict bias,   // [experts]; not read without BIASED_SIGMOID
    global int *restrict chosen,         // [tokens, count]
    global float *restrict weights,      // [tokens, count]
    int experts,
    int count,
    int kind,
    int groups,
    int groups_per_token,
    int normalize,                       // weights are divided by their sum
    float scale,                         // the factor on weights
    int tokens)
{
    size_t token = get_global_id(0);
    if (token >= (size_t)tokens)
    {
        return;
    }

    logits += token * experts;
    chosen += token * count;
    weights += token * count;
    int group_size = experts / groups;
    ulong allowed = groups_per_token < groups ? choose_groups(logits, bias, kind, experts, groups, groups_per_token) : ULONG_MAX;
    float largest = 0;
    float total = 0;
    float last = INFINITY;
    int last_expert = -1;
    for (int slot = 0; slot < count; slot++)
    {
        // The next in falling order; among equal ones the first expert comes first.
        float best = -INFINITY;
        int best_expert = -1;
        for (int expert = 0; expert < experts; expert++)
        {
            if (((allowed >> (expert / group_size)) & 1) == 0)
            {
                continue;
            }

            float value = choice(logits, bias, kind, expert);
            bool is_after = value < last || (value == last && expert > last_expert);
            if (is_after && (best_expert < 0 || value > best))
            {
                best = value;
                best_expert = expert;
            }
        }

        if (best_expert < 0)
        {
            // Logits that are not numbers have no order, but what is chosen must exist.
            best = NAN;
            best_expert = slot;
        }

        // The best group has the best expert of all, so that the first one is the largest of the softmax.
        largest = slot == 0 ? best : largest;
        float weight = kind == SOFTMAX ? exp(best - largest) : sigmoid(logits[best_expert]);
        total += weight;
        chosen[slot] = best_expert;
        weights[slot] = weight;
        last = best;
        last_expert = best_expert;
    }

    if (!normalize)
    {
        total = kind == SOFTMAX ? 0 : 1;
        for (int expert = 0; kind == SOFTMAX && expert < experts; expert++)
        {
            total += exp(logits[expert] - largest);
        }
    }

    for (int slot = 0; slot < count; slot++)
    {
        weights[slot] = weights[slot] / total * scale;
    }
}

// output[t] = Σ over a token's experts of weight · input, or output[t] += that. One work-item an element of the output.
kernel void combine_experts(
    global const float *restrict input,   // [tokens, count, width]
    global const float *restrict weights, // [tokens, count]
    global float *restrict output,        // [tokens, width]
    int width,
    int count,
    int tokens,
    int accumulate)
{
    size_t element = get_global_id(0);
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    size_t token = element / width;
    float sum = accumulate ? output[element] : 0;
    for (int slot = 0; slot < count; slot++)
    {
        sum = fma(weights[token * count + slot], input[(token * count + slot) * width + element % width], sum);
    }

    output[element] = sum;
}
