//: # Merges finished outputs of the same queries over different keys: a softmax over their LSEs. A sink is part of each output's
//: # denominator, and must be part of the merged one once: O * (w + s) is what the output's numerator was, for w and s the weights
//: # of its keys and of the sink.
//: include header(what: merge of outputs over different keys)

//: once ${store_function}
// A state that saw no key has the LSE -inf; other libraries write +inf there.
static float read_lse(float x)
{
    return x == INFINITY ? -INFINITY : x;
}

kernel __attribute__((reqd_work_group_size(${combine_work_group}, 1, 1)))
void ${entry}(
    ${parameters}
{
    const long row = get_group_id(0); // of (token, query head) pairs
    const long rows = get_num_groups(0);
    float top = -INFINITY;
    for (int s = 0; s < states; s++)
    {
        top = fmax(top, read_lse(lse[s * rows + row]));
    }

    // With empty states only, 0 in its place makes every weight 0 instead of NaN. A state of NaN has no part in the maximum, but in the
    // total.
    const float base = top == -INFINITY ? 0.0f : top;
    float total = 0.0f;
    for (int s = 0; s < states; s++)
    {
        total += exp(read_lse(lse[s * rows + row]) - base);
    }

    //: if sinks
    // The larger of keys and sink has the weight 1, so that neither is infinite.
    const float logit = sinks[row % QUERY_HEADS];
    const float above = base - logit;
    const float keys = exp(above > 0.0f ? 0.0f : above);
    const float sink = exp(above < 0.0f ? 0.0f : -above);
    const float inverse = total == 0.0f ? 0.0f : 1.0f / (total * keys + sink);
    //: else
    const float inverse = total == 0.0f ? 0.0f : 1.0f / total;
    //: end
    for (int d = get_local_id(0); d < VALUE_DIM; d += ${combine_work_group})
    {
        float sum = 0.0f;
        for (int s = 0; s < states; s++)
        {
            //: if sinks
            const float weight = exp(read_lse(lse[s * rows + row]) - base) * keys;
            //: else
            const float weight = exp(read_lse(lse[s * rows + row]) - base);
            //: end
            if (read_lse(lse[s * rows + row]) != -INFINITY) // what an empty state has as its output does not count
            {
                global const ${storage}* from = outputs + (s * rows + row) * VALUE_DIM;
                const float output = ${load(from, d)};
                //: if sinks
                sum += isfinite(output) ? (weight + sink) * inverse * output : output; // infinite it counts however small its weight
                //: else
                sum += isfinite(output) ? weight * inverse * output : output; // infinite it counts however small its weight
                //: end
            }
        }
        ${store(merged + row * VALUE_DIM + d, sum)}
    }

    if (get_local_id(0) == 0)
    {
        merged_lse[row] = total == 0.0f ? -INFINITY : top + log(total);
    }
}
