//: # Waits for the products with the values of the tile before, whose outputs are to be rescaled.

// The values of the tile before have been multiplied meanwhile.
wait_outputs(output[0]);
if (tile > 0 && lane == 0)
{
    arrive(values_free + (tile - 1) % STAGES * 8);
}
