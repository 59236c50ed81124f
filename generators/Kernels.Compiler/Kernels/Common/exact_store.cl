//: # One column of a row that was calculated again.
//: if sinks
const float out = exact_is_final && exact_sum != 0.0f
    ? exact_mean(exact[c]) * (exact_sum / (exact_sum + exact_sink))
    : exact_mean(exact[c]);
//: else
const float out = exact_mean(exact[c]);
//: end
if (exact_is_final)
{
    ${store(outputs + exact_to * VALUE_DIM + d, out)}
}
else
{
    partial_outputs[exact_to * VALUE_DIM + d] = out;
}
