namespace Decoders;

/// <summary>When weights are read.</summary>
internal enum WeightUse
{
    /// <summary>By every step, for all its tokens.</summary>
    Step,

    /// <summary>By every step, for the tokens whose logits are wanted.</summary>
    Head,

    /// <summary>A row for each token.</summary>
    Row,

    /// <summary>If one of the step's tokens is given to the expert.</summary>
    Expert,

    /// <summary>By steps that take them instead of the same weights in another order.</summary>
    Instead,
}
