// The mixture of experts around its linear layers.

// For each token the experts with the largest logits, largest first, and their weights: the softmax over those logits. One
// work-item a token.
kernel void choose_experts(
    global const float *restrict logits, // [tokens, experts]
    global int *restrict chosen,         // [tokens, count]
    global float *restrict weights,      // [tokens, count]
    int experts,
    int count,
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
    float largest = 0;
    float total = 0;
    float last = INFINITY;
    int last_expert = -1;
    for (int slot = 0; slot < count; slot++)
    {
        // The next in the order of falling logits; among equal ones the first expert comes first.
        float best = -INFINITY;
        int best_expert = -1;
        for (int expert = 0; expert < experts; expert++)
        {
            float logit = logits[expert];
            bool is_after = logit < last || (logit == last && expert > last_expert);
            if (is_after && (best_expert < 0 || logit > best))
            {
                best = logit;
                best_expert = expert;
            }
        }

        if (best_expert < 0)
        {
            // Logits that are not numbers have no order, but what is chosen must exist.
            best = NAN;
            best_expert = slot;
        }

        largest = slot == 0 ? best : largest;
        float weight = exp(best - largest);
        total += weight;
        chosen[slot] = best_expert;
        weights[slot] = weight;
        last = best;
        last_expert = best_expert;
    }

    for (int slot = 0; slot < count; slot++)
    {
        weights[slot] /= total;
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
