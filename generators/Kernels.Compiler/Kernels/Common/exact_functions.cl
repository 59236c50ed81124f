//: # The functions of exact_row. vector: a work-item has the scores of several keys, in the lane vocabulary; else it has one.
//: once load_function(width: 1)
//: if rope
//: include turned(what: query, type: ${storage})

//: end
// A query times a key, in plain arithmetic.
static float exact_product(global const ${storage}* query, global const ${cache}* key${exact_scale_parameter}${angles_parameter})
{
    float product = 0.0f;
//: if !vector
    #pragma unroll 1
//: end
    for (int d = 0; d < HEAD_DIM; d++)
    {
        product = fma(${exact_query} * SCALE, ${load_cached(key, d)}${exact_scale}, product);
    }
    return product;
}

//: if vector
// The scores of a row with ${score_lanes} keys from first_key on; -inf where it does not see them.
static lanes_float exact_score(${exact_parameters})
{
    lanes_float score;
    for (int i = 0; i < ${score_lanes}; i++)
    {
        ((float*)&score)[i] = ${exact_product(min(first_key + i, end - 1))};
    }
    const lanes_int key = first_key + (lanes_int)(${lane_numbers});
    //: if transforms
    score = transform_score(score, row, min(key, (lanes_int)(end - 1))${transform_arguments});
    //: end
    //: if hides_keys
    return lanes_select((lanes_float)(-INFINITY), score, is_visible(row, min(key, (lanes_int)(end - 1))${visible_arguments}) && key < end);
    //: else
    return lanes_select((lanes_float)(-INFINITY), score, key < end);
    //: end
}
//: else
// The score of a row with a key; -inf where it does not see it.
static float exact_score(${exact_parameters})
{
    float score = ${exact_product(min(key, end - 1))};
    //: if transforms
    score = transform_score(score, row, min(key, end - 1)${transform_arguments});
    //: end
    //: if hides_keys
    return is_visible(row, min(key, end - 1)${visible_arguments}) && key < end ? score : -INFINITY;
    //: else
    return key < end ? score : -INFINITY;
    //: end
}
//: end

// A summand of a quarter of a mean: weights whose sum is a little more than 1 make no overflow. What is not finite counts whatever its weight.
static float exact_term(float weight, float value)
{
    return isfinite(value) ? weight * (0.25f * value) : value;
}

// The mean of which a quarter is given.
static float exact_mean(float quarter)
{
    return isfinite(quarter) ? 4.0f * clamp(quarter, -0.25f * FLT_MAX, 0.25f * FLT_MAX) : quarter;
}
