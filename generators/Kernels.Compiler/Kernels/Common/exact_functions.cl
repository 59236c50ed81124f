//: # The functions of exact_row. vector: a work-item has the scores of several keys, in the lane vocabulary; else it has one. Parameters
//: # and arguments that only some specs need have a leading comma.
//: once load_function(width: 1)
//: if rope
//: include turned(what: query, type: ${storage})

//: end
// A query times a key, in plain arithmetic.
static float exact_product(global const ${storage}* query, global const ${cache}* key${key_scale_parameter}${angles_parameter})
{
    float product = 0.0f;
//: if !vector
    #pragma unroll 1
//: end
    for (int d = 0; d < HEAD_DIM; d++)
    {
        //: if rope
        product = fma(turned(query, angles, d) * SCALE, ${load_cached(key, d)}${times_key_scale}, product);
        //: else
        product = fma(${load(query, d)} * SCALE, ${load_cached(key, d)}${times_key_scale}, product);
        //: end
    }
    return product;
}

//: if vector
// The scores of a row with ${score_lanes} keys from first_key on; -inf where it does not see them.
static lanes_float exact_score(
    global const ${storage}* query, global const ${cache}* keys${key_scales_parameter}, int sequence, int kv_head, int first_key, int end,
    ${address_parameters}${row_parameter}${angles_parameter}${score_parameters})
{
    lanes_float score;
    for (int i = 0; i < ${score_lanes}; i++)
    {
        const int token = min(first_key + i, end - 1);
        global const ${cache}* const key = keys + ${row_of_token(token, ${row_length(HEAD_DIM)})};
        ((float*)&score)[i] = exact_product(query, key${key_scale_argument(token)}${angles_argument});
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
static float exact_score(
    global const ${storage}* query, global const ${cache}* keys${key_scales_parameter}, int sequence, int kv_head, int key, int end,
    ${address_parameters}${row_parameter}${angles_parameter}${score_parameters})
{
    const int token = min(key, end - 1);
    float score = exact_product(
        query, keys + ${row_of_token(token, ${row_length(HEAD_DIM)})}${key_scale_argument(token)}${angles_argument});
    //: if transforms
    score = transform_score(score, row, token${transform_arguments});
    //: end
    //: if hides_keys
    return is_visible(row, token${visible_arguments}) && key < end ? score : -INFINITY;
    //: else
    return key < end ? score : -INFINITY;
    //: end
}
//: end

// A summand of a quarter of a mean: weights whose sum is a little more than 1 make no overflow. What is not finite counts whatever its
// weight.
static float exact_term(float weight, float value)
{
    return isfinite(value) ? weight * (0.25f * value) : value;
}

// The mean of which a quarter is given.
static float exact_mean(float quarter)
{
    return isfinite(quarter) ? 4.0f * clamp(quarter, -0.25f * FLT_MAX, 0.25f * FLT_MAX) : quarter;
}
