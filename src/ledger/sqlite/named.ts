/** SQL for the submission of a source and its key, bound in this order. */
export const IS_NAMED = "id = (SELECT submission_id FROM submission_names WHERE source = ? AND key = ?)";

/** Also by a record that is on its way in. */
export const IS_NAME_TAKEN = "SELECT 1 FROM submission_names WHERE source = ? AND key = ?";
