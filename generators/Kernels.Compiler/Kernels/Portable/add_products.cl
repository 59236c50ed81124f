//: # A function that adds the products of the elements of two vectors to a sum, one multiply-add each. Hole: width.
static float add_products(float sum, float${width} a, float${width} b)
{
    //: for i in 0..width
    sum += a.s${i} * b.s${i};
    //: end
    return sum;
}
